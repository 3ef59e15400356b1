/** Back-off of a slot whose relay answers while ssh fails: at once, 0.2 s, doubling, never over 30 s. */
const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 30_000;

/** A connection that lived this long was a good one: the next failure starts from the beginning. */
export const SURVIVED_MS = 30_000;

/**
 * How long to wait before the next attempt, milliseconds.
 * Full jitter (anything from 0 to the bound): two slots, or two homes behind one relay, never march in step.
 * @param failures attempts that failed since the last connection that survived
 * @param random 0 ≤ random < 1
 */
export function backoffMs(failures: number, random: number): number {
  if (failures <= 1) return 0;
  // 2 ** 20 is far over the bound already; a larger exponent would only risk Infinity.
  const boundMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 2, 20));
  return Math.round(random * boundMs);
}
