import { type Clock, sleep } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import { printable } from '../core/printable.ts';
import type { RecordData, RecordType } from './contract.ts';
import type { ServerAnswer } from './lookup/ask-server.ts';
import type { AuthorityAnswer, Lookup } from './lookup/lookup.ts';
import { areSameSets, isSameData, renderData } from './record-data.ts';

/** What every authoritative server of a name has to show. */
export interface Expectation {
  readonly name: string;
  readonly type: RecordType;
  readonly records: readonly RecordData[];
  /** Nothing else of this type may be there. Else more records are fine. */
  readonly isExact: boolean;
}

/** How far the authoritative servers are. */
export interface Visibility {
  readonly zone: string;
  readonly isEverywhere: boolean;
  /** Servers that do not show it yet, each with what it shows instead: `ns1.example.com (A 192.0.2.9)`. */
  readonly missing: readonly string[];
}

export interface WaitOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  /** How long to look, milliseconds. */
  readonly timeoutMs: number;
  /** Between two looks, milliseconds. Default 2000. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** After every look that did not find it everywhere. */
  readonly onLook?: (visibility: Visibility) => void;
}

/** One look at every authoritative server. @throws DNS_ZONE_UNKNOWN, DNS_LOOKUP_FAILED */
export async function checkVisibility(lookup: Lookup, expectation: Expectation): Promise<Visibility> {
  const authorities = await lookup.findAuthorities(expectation.name);
  const answers = await lookup.askAuthorities(authorities, expectation.name, expectation.type);
  const missing = [
    ...answers.filter(({ answer }) => !shows(answer, expectation)).map(describeAnswer),
    ...authorities.lost.map((server) => `${server} (it has no address)`),
  ];
  return { zone: authorities.zone, isEverywhere: missing.length === 0, missing };
}

/**
 * Looks again and again until every authoritative server shows what is expected, past all caches.
 * A lookup that fails on the way counts as "not yet".
 * @throws DNS_NOT_VISIBLE after `timeoutMs`, with the servers that do not show it
 */
export async function waitUntilVisible(expectation: Expectation, options: WaitOptions): Promise<void> {
  const { clock, timeoutMs, intervalMs = 2000 } = options;
  const endMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const visibility = await lookAt(options.lookup, expectation);
    if (visibility.isEverywhere) return;
    options.onLook?.(visibility);
    if (clock.monotonicMs() >= endMs) throw notVisible(expectation, visibility, timeoutMs);
    await sleep(clock, Math.min(intervalMs, Math.max(0, endMs - clock.monotonicMs())), options.signal);
  }
}

async function lookAt(lookup: Lookup, expectation: Expectation): Promise<Visibility> {
  try {
    return await checkVisibility(lookup, expectation);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return { zone: expectation.name, isEverywhere: false, missing: [error.message] };
  }
}

function notVisible(expectation: Expectation, { missing }: Visibility, timeoutMs: number): PosternError {
  const records = expectation.records.map(renderData).join(', ');
  return new PosternError('DNS_NOT_VISIBLE', {
    record: records === '' ? `The removal of ${expectation.type}` : printable(records, 400),
    name: expectation.name,
    seconds: Math.round(timeoutMs / 1000),
    missing: printable(missing.join(', '), 400),
  });
}

function shows(answer: ServerAnswer, { records, isExact }: Expectation): boolean {
  if (answer.kind === 'failed' || answer.kind === 'alias') return false;
  const seen = answer.kind === 'records' ? answer.records.map(({ data }) => data) : [];
  if (isExact) return areSameSets(seen, records);
  return records.every((wanted) => seen.some((data) => isSameData(data, wanted)));
}

function describeAnswer({ server, answer }: AuthorityAnswer): string {
  switch (answer.kind) {
    case 'records':
      return `${server} (${answer.records.map(({ data }) => renderData(data)).join(', ')})`;
    case 'alias':
      return `${server} (CNAME ${answer.target})`;
    case 'none':
      return `${server} (nothing)`;
    case 'failed':
      return `${server} (${answer.reason})`;
  }
}
