import { printable } from '../core/printable.ts';
import type { Visit, VisitAnswer } from '../platform/visit.ts';
import type { Exchange, Finding, LookInput } from './contract.ts';

export const TIMEOUT_MS = 5000;

/** A request as it is told; the path of a canary is known to nobody else, and stays so. */
export function describeRequest({ method, path, authority, tls, headers, host, port }: Visit): string {
  const shown = path.startsWith('/.well-known/') ? '/.well-known/[canary]' : path;
  const scheme = tls ? `https (${tls.serverName === undefined ? 'no SNI' : tls.protocol})` : 'http';
  const version = tls?.onlyVersion === undefined ? '' : `, ${tls.onlyVersion} only`;
  const fields = Object.entries(headers ?? {})
    .filter(([name]) => !/^(authorization|cookie|sec-websocket-key)$/i.test(name))
    .map(([name, value]) => `${name}: ${value}`);
  return printable(
    `${method} ${shown} of ${authority} at ${host} port ${port}, ${scheme}${version} ${fields.join('; ')}`.trim(),
    300,
  );
}

/** An answer in one line: status and what shows who gave it; never a body, which may be somebody's. */
export function describeAnswer(answer: VisitAnswer): string {
  if (answer.kind !== 'answer') return printable(`${answer.kind}: ${answer.reason}`, 200);
  const fields = ['www-authenticate', 'location', 'content-type', 'server', 'upgrade'].flatMap((name) => {
    const value = answer.headers[name];
    return value === undefined ? [] : [`${name}: ${String(value)}`];
  });
  return printable([`status ${answer.status}`, ...fields].join('; '), 200);
}

export interface Tried {
  readonly visit: Visit;
  readonly answer: VisitAnswer;
  readonly exchange: Exchange;
}

export type VisitParts = Omit<Visit, 'host' | 'port' | 'timeoutMs'> & { readonly port?: number };

/** Makes a visit where visitors arrive. */
export async function tryVisit({ front, visit }: LookInput, parts: VisitParts): Promise<Tried> {
  const options = { host: front.host, port: front.port, timeoutMs: TIMEOUT_MS, ...parts };
  const answer = await visit(options);
  return {
    visit: options,
    answer,
    exchange: { request: describeRequest(options), answer: describeAnswer(answer), tookMs: answer.tookMs },
  };
}

/** The Host field of a name, with the port where it is not the scheme's. */
export const authorityOf = ({ front }: LookInput, name: string): string =>
  front.port === 443 ? name : `${name}:${front.port}`;

/** Some requests that must all be refused: the first that is not, decides. */
export function judgeAll(
  tried: readonly Tried[],
  whyOpen: (one: Tried) => string | undefined,
  shut: string,
): Finding {
  const exchanges = tried.map(({ exchange }) => exchange);
  for (const one of tried) {
    const reason = whyOpen(one);
    if (reason !== undefined) return { outcome: 'open', evidence: printable(reason, 300), exchanges };
  }
  const lost = tried.find(({ answer }) => answer.kind === 'unreachable');
  if (lost) return { outcome: 'unknown', evidence: describeAnswer(lost.answer), exchanges };
  return { outcome: 'shut', evidence: shut, exchanges };
}

export const notApplicable = (evidence: string): Finding => ({ outcome: 'not-applicable', evidence });
export const unknown = (evidence: string): Finding => ({
  outcome: 'unknown',
  evidence: printable(evidence, 300),
});
