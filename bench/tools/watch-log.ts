/** One request of the watch, as `probes/watch.ts` prints it; times are milliseconds since 1970. */
export interface WatchedRequest {
  readonly startMs: number;
  readonly endMs: number;
  /** What went wrong; `null` when it was answered. */
  readonly fault: string | null;
  /** It went out twice, since its kept connection ended before an answer. */
  readonly retried: boolean;
}

/** What a fault did to visitors. */
export interface Outage {
  readonly requests: number;
  readonly failed: number;
  /** Answered, but after more than a second. */
  readonly slow: number;
  /** Start of the first request that failed to the first answer after the last one that failed; 0 when none did. */
  readonly darkSeconds: number;
  /** The same from the end of the fault; 0 when the answers were back before. */
  readonly afterSeconds: number;
}

/**
 * @param faultEndMs when the cause was gone; for a fault without an end, when it was made
 * @throws when nothing was answered at the end: then it did not recover, and no number says so
 */
export function findOutage(log: readonly WatchedRequest[], faultEndMs: number): Outage {
  const failures = log.filter(({ fault }) => fault !== null);
  const slow = log.filter(({ fault, startMs, endMs }) => fault === null && endMs - startMs > 1000).length;
  const counts = { requests: log.length, failed: failures.length, slow };
  if (failures.length === 0) return { ...counts, darkSeconds: 0, afterSeconds: afterSlow(log, faultEndMs) };
  const firstMs = Math.min(...failures.map(({ startMs }) => startMs));
  const lastMs = Math.max(...failures.map(({ startMs }) => startMs));
  const back = log
    .filter(({ startMs, fault }) => fault === null && startMs > lastMs)
    .map(({ endMs }) => endMs);
  if (back.length === 0) throw new Error('visitors were still in the dark when the watch ended');
  const backMs = Math.min(...back);
  return {
    ...counts,
    darkSeconds: (backMs - firstMs) / 1000,
    afterSeconds: Math.max(0, (backMs - faultEndMs) / 1000),
  };
}

/** Nothing failed, but visitors may have waited: the last slow answer counts as the moment when it was over. */
function afterSlow(log: readonly WatchedRequest[], faultEndMs: number): number {
  const slowEnds = log.filter(({ startMs, endMs }) => endMs - startMs > 1000).map(({ endMs }) => endMs);
  return slowEnds.length === 0 ? 0 : Math.max(0, (Math.max(...slowEnds) - faultEndMs) / 1000);
}
