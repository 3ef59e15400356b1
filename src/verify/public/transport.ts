import type { SecureVersion } from 'node:tls';
import type { Finding, LookInput } from '../contract.ts';
import {
  type Tried,
  authorityOf,
  describeAnswer,
  judgeAll,
  notApplicable,
  tryVisit,
  unknown,
} from '../exchange.ts';

const DAY_MS = 24 * 3_600_000;
/** What a visitor's certificate has to be valid for. */
const LEAST_MS = 7 * DAY_MS;

/** The request by which home recognizes itself; also what a certificate is looked at with. */
function sendCanary(input: LookInput, path: string, onlyVersion?: SecureVersion): Promise<Tried> {
  return tryVisit(input, {
    tls: { serverName: input.service.name, protocol: 'http/1.1', ...(onlyVersion ? { onlyVersion } : {}) },
    method: 'GET',
    path,
    authority: authorityOf(input, input.service.name),
  });
}

export async function lookAtCertificateOwner(input: LookInput): Promise<Finding> {
  const { service } = input;
  if (service.tls === 'relay')
    return notApplicable('TLS ends on the relay (tls: relay), which holds certificate and key');
  const { answer, exchange } = await sendCanary(input, '/');
  const exchanges = [exchange];
  const shown = answer.tls?.certificate?.fingerprint256;
  if (shown === undefined)
    return { ...unknown(`no certificate was shown (${describeAnswer(answer)})`), exchanges };
  const ours = await input.certificateOf(service.name);
  if (ours === undefined) return { ...unknown('the certificate at home cannot be read'), exchanges };
  const short = shown.replaceAll(':', '').slice(0, 16).toLowerCase();
  return shown === ours
    ? { outcome: 'shut', evidence: `the certificate of this home is shown (SHA-256 ${short}…)`, exchanges }
    : { outcome: 'open', evidence: `a certificate is shown that is not ours (SHA-256 ${short}…)`, exchanges };
}

export async function lookAtCanary(input: LookInput): Promise<Finding> {
  const { path, expectedBody } = input.makeCanary();
  const { answer, exchange } = await sendCanary(input, path);
  const exchanges = [exchange];
  if (answer.kind === 'answer' && answer.body === expectedBody) {
    return { outcome: 'shut', evidence: `a request of our own came back in ${answer.tookMs} ms`, exchanges };
  }
  if (input.service.basicAuth && answer.kind === 'answer' && answer.status === 401) {
    return { outcome: 'shut', evidence: "the relay's Basic auth asks first", exchanges };
  }
  // 502 to 504 come from the relay's nginx when no connection of the link is up.
  if (answer.kind !== 'answer' || (answer.status >= 502 && answer.status <= 504)) {
    return { ...unknown(`it did not come back: ${describeAnswer(answer)}`), exchanges };
  }
  return { outcome: 'open', evidence: `somebody else answered: ${describeAnswer(answer)}`, exchanges };
}

export async function lookAtCertificateValidity(input: LookInput): Promise<Finding> {
  const { service, clock } = input;
  const { answer, exchange } = await sendCanary(input, '/');
  const exchanges = [exchange];
  const certificate = answer.tls?.certificate;
  if (!certificate) return { ...unknown(`no certificate was shown (${describeAnswer(answer)})`), exchanges };
  const [startMs, endMs] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  const until = new Date(endMs).toISOString().slice(0, 10);
  const open = (evidence: string): Finding => ({ outcome: 'open', evidence, exchanges });
  const nowMs = clock.nowMs();
  if (nowMs >= endMs) return open(`it ended on ${until}`);
  if (nowMs < startMs) return open(`it is not valid before ${new Date(startMs).toISOString().slice(0, 10)}`);
  if (!certificate.checkHost(service.name, { subject: 'never' })) return open('it is not for this name');
  if (endMs - nowMs < Math.min(LEAST_MS, (endMs - startMs) / 5)) return open(`it ends on ${until} already`);
  const distrust = service.tls === 'relay' ? answer.tls?.distrust : undefined;
  if (distrust !== undefined) return open(`browsers do not trust it: ${distrust}`);
  return { outcome: 'shut', evidence: `for ${service.name}, valid until ${until}`, exchanges };
}

export async function lookAtOldTls(input: LookInput): Promise<Finding> {
  const versions = ['TLSv1', 'TLSv1.1'] as const;
  const tried = await Promise.all(versions.map((version) => sendCanary(input, '/', version)));
  return judgeAll(
    tried,
    ({ answer }) =>
      answer.tls === undefined ? undefined : `a handshake with ${answer.tls.version} came about`,
    'neither TLS 1.0 nor 1.1 comes about',
  );
}
