import { randomBytes } from 'node:crypto';
import type { VisitAnswer } from '../../platform/visit.ts';
import type { Finding, LookInput } from '../contract.ts';
import { type Tried, authorityOf, describeAnswer, judgeAll, tryVisit } from '../exchange.ts';

/** Reserved for ever (RFC 2606), and new each time, so that nobody can know it. */
const strangeName = (): string => `${randomBytes(6).toString('hex')}.invalid`;

const isNothing = (answer: VisitAnswer): boolean =>
  answer.kind !== 'answer' || answer.status === 421 || answer.status === 400;

export async function lookAtOtherNames(input: LookInput): Promise<Finding> {
  const own = new Set([...input.config.services.map(({ name }) => name), input.config.gate]);
  const neighbours = input.services.map(({ name }) => `www.${name}`).filter((name) => !own.has(name));
  const names = [undefined, strangeName(), ...neighbours];
  const tried = await Promise.all(names.map((name) => askFor(input, name)));
  return judgeAll(
    tried,
    ({ answer, visit }) =>
      isNothing(answer)
        ? undefined
        : `${visit.tls?.serverName ?? 'the bare address'} answered ${describeAnswer(answer)}`,
    'the bare address and other names get no answer',
  );
}

function askFor(input: LookInput, name: string | undefined): Promise<Tried> {
  return tryVisit(input, {
    tls: { serverName: name, protocol: 'http/1.1' },
    method: 'GET',
    path: '/',
    authority: authorityOf(input, name ?? bracketed(input.front.host)),
  });
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

export async function lookAtWrongHost(input: LookInput): Promise<Finding> {
  const tried = await tryVisit(input, {
    tls: { serverName: input.service.name, protocol: 'http/1.1' },
    method: 'GET',
    path: '/',
    authority: authorityOf(input, strangeName()),
  });
  return judgeAll(
    [tried],
    ({ answer }) =>
      isNothing(answer) ? undefined : `another host was answered with ${describeAnswer(answer)}`,
    'another host on the same connection is refused',
  );
}

export async function lookAtPlainHttp(input: LookInput): Promise<Finding> {
  const { front, service } = input;
  const ask = (port: number): Promise<Tried> =>
    tryVisit(input, { port, method: 'GET', path: '/', authority: service.name });
  const tried = await Promise.all([...new Set([front.plainPort, front.port])].map(ask));
  // A port that nobody listens on is as shut as can be.
  const settled = tried.map((one) =>
    one.answer.kind === 'unreachable' ? { ...one, answer: { ...one.answer, kind: 'closed' as const } } : one,
  );
  return judgeAll(
    settled,
    ({ answer, visit }) =>
      isSentOn(answer, service.name) || isNothing(answer)
        ? undefined
        : `port ${visit.port} answered ${describeAnswer(answer)}`,
    'plain HTTP is sent on to https, or gets nothing',
  );
}

function isSentOn(answer: VisitAnswer, name: string): boolean {
  if (answer.kind !== 'answer' || ![301, 308].includes(answer.status)) return false;
  const goal = URL.parse(String(answer.headers['location'] ?? ''));
  return goal?.protocol === 'https:' && goal.hostname === name;
}
