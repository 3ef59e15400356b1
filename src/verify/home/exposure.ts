import type { Exchange, Finding, LookInput } from '../contract.ts';
import { notApplicable } from '../exchange.ts';

/** A gateway's browser control stands on the two ports above its own. */
const portsOf = (kind: string, port: number): readonly number[] =>
  kind === 'openclaw' ? [port, port + 1, port + 2] : [port];

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;
const EVERY = /^(0\.0\.0\.0|::)$/;

export async function lookAtExposure(input: LookInput): Promise<Finding> {
  const { service, targetOf, ownAddresses, clock, whyUnreachable } = input;
  const target = targetOf(service);
  if (!target) return notApplicable('it listens on a unix socket');
  const own = ownAddresses();
  const isHere = LOOPBACK.test(target.host) || EVERY.test(target.host) || own.includes(target.host);
  if (!isHere)
    return notApplicable(`it stands on another machine (${target.host}): that one has to keep others out`);
  const exchanges: Exchange[] = [];
  const knock = async (host: string, port: number): Promise<string | undefined> => {
    const startMs = clock.monotonicMs();
    const reason = await whyUnreachable({ host, port });
    exchanges.push({
      request: `connect to ${host} port ${port}`,
      answer: reason ?? 'accepted',
      tookMs: Math.round(clock.monotonicMs() - startMs),
    });
    return reason === undefined ? `${host} port ${port}` : undefined;
  };
  const doors = own.flatMap((host) => portsOf(service.kind, target.port).map((port) => ({ host, port })));
  const accepted = (await Promise.all(doors.map(({ host, port }) => knock(host, port)))).filter(
    (door) => door !== undefined,
  );
  if (accepted.length > 0) {
    return {
      outcome: 'open',
      evidence: `others can connect to ${accepted.slice(0, 4).join(', ')}`,
      exchanges,
    };
  }
  return {
    outcome: 'shut',
    evidence: `port ${target.port} is refused on ${own.length} addresses of this machine`,
    exchanges,
  };
}
