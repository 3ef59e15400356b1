import type { VisitAnswer } from '../../platform/visit.ts';
import type { ServiceConfig } from '../../config/schema.ts';
import type { Finding, LookInput } from '../contract.ts';
import { type Tried, authorityOf, describeAnswer, judgeAll, notApplicable, tryVisit } from '../exchange.ts';

/**
 * Is this the refusal of the login itself? A service may answer 401 too, so the fields that the login gives every
 * answer count as well; with Basic auth the relay's nginx refuses first.
 */
export function isLoginRefusal(answer: VisitAnswer, service: Pick<ServiceConfig, 'basicAuth'>): boolean {
  if (answer.kind !== 'answer' || answer.status !== 401) return false;
  const challenge = String(answer.headers['www-authenticate'] ?? '');
  if (service.basicAuth && /^basic /i.test(challenge)) return true;
  return (
    challenge === 'Bearer' &&
    answer.headers['cache-control'] === 'no-store' &&
    answer.headers['x-robots-tag'] === 'noindex, nofollow'
  );
}

/** Refused by the login, by its limits, or by the edge: but never by what stands behind them. */
function isRefusal(answer: Answered, service: ServiceConfig): boolean {
  return isLoginRefusal(answer, service) || isBareRefusal(answer);
}

/** 403 and 429 of the edge carry the same strict fields. */
function isBareRefusal(answer: Answered): boolean {
  return (
    [400, 403, 421, 429].includes(answer.status) && answer.headers['x-robots-tag'] === 'noindex, nofollow'
  );
}

const PROTOCOLS = ['http/1.1', 'h2'] as const;

export async function lookAtLogin(input: LookInput): Promise<Finding> {
  const { service } = input;
  if (service.auth === 'none') {
    return { outcome: 'open', evidence: 'auth: none is written in postern.yaml: anybody may use it' };
  }
  const tried = await Promise.all(PROTOCOLS.map((protocol) => knock(input, protocol)));
  return judgeLogin(tried, service);
}

function judgeLogin(tried: readonly Tried[], service: ServiceConfig): Finding {
  const finding = judgeStrangers(
    tried,
    (answer) => isLoginRefusal(answer, service) || (answer.status === 429 && isBareRefusal(answer)),
    'without a session it answered',
    'the login answered 401 over HTTP/1.1 and HTTP/2',
  );
  const silent = tried.find(({ answer }) => answer.kind === 'closed');
  if (finding.outcome !== 'shut' || !silent) return finding;
  return { ...finding, outcome: 'unknown', evidence: describeAnswer(silent.answer) };
}

type Answered = Extract<VisitAnswer, { kind: 'answer' }>;

/** A part on the way is down or overloaded: that says nothing about the login, and must neither shut nor open a door. */
const isOutage = (answer: VisitAnswer): boolean =>
  answer.kind === 'answer' && answer.status >= 502 && answer.status <= 504;

/** Every one of the requests has to be refused; what came from a part that is down is no refusal. */
function judgeStrangers(
  tried: readonly Tried[],
  isRefused: (answer: Answered) => boolean,
  words: string,
  shut: string,
): Finding {
  const whyOpen = ({ answer, visit }: Tried): string | undefined =>
    answer.kind !== 'answer' || isOutage(answer) || isRefused(answer)
      ? undefined
      : `${words} ${describeAnswer(answer)} (${visit.path}, ${visit.tls?.protocol ?? 'http'})`;
  const finding = judgeAll(tried, whyOpen, shut);
  const outage = tried.find(({ answer }) => isOutage(answer));
  return finding.outcome === 'shut' && outage
    ? { ...finding, outcome: 'unknown', evidence: describeAnswer(outage.answer) }
    : finding;
}

/** A stranger's request: no cookie, no credentials, and no wish for a page. */
function knock(
  input: LookInput,
  protocol: (typeof PROTOCOLS)[number],
  headers: Readonly<Record<string, string>> = {},
): Promise<Tried> {
  return tryVisit(input, {
    tls: { serverName: input.service.name, protocol },
    method: 'GET',
    path: '/',
    authority: authorityOf(input, input.service.name),
    headers,
  });
}

const CLAIMS = {
  'X-Forwarded-For': '127.0.0.1',
  'X-Real-IP': '127.0.0.1',
  Forwarded: 'for=127.0.0.1;proto=https',
};

export async function lookAtForgedAddress(input: LookInput): Promise<Finding> {
  const tried = await Promise.all(PROTOCOLS.map((protocol) => knock(input, protocol, CLAIMS)));
  return judgeStrangers(
    tried,
    (answer) => isRefusal(answer, input.service),
    'a claim to be 127.0.0.1 was answered with',
    'a claim to be 127.0.0.1 is refused like everybody',
  );
}

/** RFC 6455 §1.3: the key is no secret; it is the sample of the RFC. */
const HANDSHAKE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  origin: 'https://another-page.invalid',
};

export async function lookAtForeignWebSocket(input: LookInput): Promise<Finding> {
  const tried = await knock(input, 'http/1.1', HANDSHAKE);
  return judgeStrangers(
    [tried],
    (answer) => isRefusal(answer, input.service),
    'the handshake was answered with',
    'a handshake from another page is refused',
  );
}

/** One of each family, and the spellings that other programs read as the same. */
const POWERFUL = [
  '/tools/invoke',
  '//tools/invoke',
  '/%74ools/invoke',
  '/v1/models',
  '/v1/chat/completions',
  '/api/v1/admin/rpc',
  '/hooks/wake',
  '/__openclaw__/worker',
] as const;

export async function lookAtDeniedPaths(input: LookInput): Promise<Finding> {
  const { service } = input;
  if (service.kind !== 'openclaw') return notApplicable('only a gateway (kind: openclaw) has such paths');
  const tried = await Promise.all(
    POWERFUL.map((path) =>
      tryVisit(input, {
        tls: { serverName: service.name, protocol: 'http/1.1' },
        method: 'POST',
        path,
        authority: authorityOf(input, service.name),
        headers: { authorization: 'Bearer made-up-by-postern-verify', 'content-type': 'application/json' },
        body: '{}',
      }),
    ),
  );
  return judgeStrangers(
    tried,
    (answer) => isRefusal(answer, service),
    'a made-up token was answered with',
    `${POWERFUL.length} paths and spellings are refused`,
  );
}
