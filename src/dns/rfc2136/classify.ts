import type { RunResult } from '../../platform/processes.ts';

/**
 * What nsupdate's end means:
 * `done`         the server took it
 * `unmet`        a prerequisite does not hold (RFC 2136 §2.2: YXDOMAIN, YXRRSET, NXDOMAIN, NXRRSET)
 * `refused`      the key is known and may not do this
 * `bad-key`      the server does not know the key, or the secret is another one
 * `wrong-clock`  the clocks are more than five minutes apart
 * `not-zone`     the server has no such zone, or the name is not in it
 * `unreachable`  no answer
 * `missing`      there is no such program
 * `odd`          anything else
 */
export type UpdateOutcome =
  'done' | 'unmet' | 'refused' | 'bad-key' | 'wrong-clock' | 'not-zone' | 'unreachable' | 'missing' | 'odd';

const WORDS: readonly (readonly [RegExp, UpdateOutcome])[] = [
  [/NOTAUTH\(BADTIME\)/, 'wrong-clock'],
  [/NOTAUTH\((?:BADKEY|BADSIG|BADTRUNC)\)|TSIG error|expected a TSIG/, 'bad-key'],
  [/update failed: (?:YXDOMAIN|YXRRSET|NXDOMAIN|NXRRSET)\b/, 'unmet'],
  [/update failed: REFUSED\b/, 'refused'],
  [/update failed: (?:NOTZONE|NOTAUTH)\b/, 'not-zone'],
  [/Communication with|timed out|couldn't get address|connection refused|unreachable/, 'unreachable'],
];

/** One place for nsupdate's words; samples recorded from BIND 9.18 are in `test/golden/nsupdate`. */
export function classifyUpdate(
  end: Pick<RunResult, 'status' | 'stderr' | 'stdout' | 'startError'>,
): UpdateOutcome {
  if (end.startError !== undefined) return end.startError === 'ENOENT' ? 'missing' : 'odd';
  if (end.status === 0) return 'done';
  const words = `${end.stderr}\n${end.stdout}`;
  if (end.status === null) return 'unreachable';
  return WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? 'odd';
}
