import { type ErrorCode, isPosternError } from '../../core/errors/index.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** First pause and longest pause after attempts that failed. */
interface Pace {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** Nobody counted the attempt. An hour at most: the reserve of `renewalTimeMs` is made for it. */
const UNREACHABLE: Pace = { firstMs: MINUTE_MS, mostMs: HOUR_MS };
/** Let's Encrypt allows five failed validations of a name in an hour. */
const REFUSED: Pace = { firstMs: 15 * MINUTE_MS, mostMs: 6 * HOUR_MS };
const RATE_LIMITED: Pace = { firstMs: HOUR_MS, mostMs: 24 * HOUR_MS };
/** Nothing was asked of the authority. */
const NOT_ASKED: Pace = { firstMs: MINUTE_MS, mostMs: MINUTE_MS };

const PACES: Partial<Record<ErrorCode, Pace>> = {
  ACME_UNREACHABLE: UNREACHABLE,
  ACME_RATE_LIMITED: RATE_LIMITED,
  ACME_LOGIN_OFF: NOT_ASKED,
  ACME_LINK_DOWN: NOT_ASKED,
};

/**
 * The pause after an attempt that failed: doubling, with up to a fifth taken off so that many homes do not keep step,
 * and never before the time that the authority named.
 * @param failures attempts that failed in a row, this one included
 * @returns milliseconds
 */
export function retryDelayMs(error: unknown, failures: number, random: () => number): number {
  const { firstMs, mostMs } = (isPosternError(error) && PACES[error.code]) || REFUSED;
  const pauseMs = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 20)) * (1 - random() / 5);
  const namedMs = isPosternError(error) ? Number(error.details['retryAfterMs'] ?? 0) : 0;
  return Math.max(pauseMs, Math.min(namedMs, 7 * 24 * HOUR_MS));
}
