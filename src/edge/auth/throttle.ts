import { type Clock, sleep } from '../../core/clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FAILURES_PER_MINUTE = 5;
const FAILURES_PER_HOUR = 20;
const BUCKETS_MOST = 20_000;

/** The answer to "may I try?": go on, or come back later. */
export type Permit =
  | { readonly ok: true; readonly refund: () => void }
  | { readonly ok: false; readonly retryAfterSeconds: number };

/**
 * Failed sign-ins of one bucket: 5 in a minute and 20 in an hour, counted when the attempt starts, so that a hundred
 * attempts at once are not a hundred guesses; a success gives its place back. Memory is bounded: the buckets that were
 * quiet for longest go first.
 */
export class FailureThrottle {
  readonly #clock: Clock;
  /** Times of the attempts of the last hour, oldest first. */
  readonly #attempts = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds until the next attempt is allowed; 0: now. */
  waitSeconds(bucket: string): number {
    const nowMs = this.#clock.monotonicMs();
    const recent = this.#recent(bucket, nowMs);
    const readyAtMs = Math.max(
      readyAt(recent, FAILURES_PER_MINUTE, MINUTE_MS),
      readyAt(recent, FAILURES_PER_HOUR, HOUR_MS),
    );
    return Math.max(0, Math.ceil((readyAtMs - nowMs) / 1000));
  }

  take(bucket: string): Permit {
    const retryAfterSeconds = this.waitSeconds(bucket);
    if (retryAfterSeconds > 0) return { ok: false, retryAfterSeconds };
    const nowMs = this.#clock.monotonicMs();
    const recent = this.#recent(bucket, nowMs);
    recent.push(nowMs);
    this.#attempts.delete(bucket);
    this.#attempts.set(bucket, recent);
    this.#evict();
    return { ok: true, refund: () => this.#refund(bucket, nowMs) };
  }

  get size(): number {
    return this.#attempts.size;
  }

  #recent(bucket: string, nowMs: number): number[] {
    return (this.#attempts.get(bucket) ?? []).filter((atMs) => atMs > nowMs - HOUR_MS);
  }

  #refund(bucket: string, atMs: number): void {
    const attempts = this.#attempts.get(bucket);
    const index = attempts?.indexOf(atMs) ?? -1;
    if (index >= 0) attempts?.splice(index, 1);
  }

  #evict(): void {
    if (this.#attempts.size <= BUCKETS_MOST) return;
    const [oldest] = this.#attempts.keys();
    if (oldest !== undefined) this.#attempts.delete(oldest);
  }
}

/** When the window has room again for one more after `most`. */
function readyAt(attemptsMs: readonly number[], most: number, windowMs: number): number {
  const blocking = attemptsMs.at(-most);
  return blocking === undefined ? 0 : blocking + windowMs;
}

const FREE_FAILURES = 3;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8000;
const FORGET_AFTER_MS = HOUR_MS;

/**
 * An account that is being guessed at gets slower, 250 ms doubling to 8 s, and never shut: a lock-out would be a weapon
 * against its owner.
 */
export class AccountDelay {
  readonly #clock: Clock;
  readonly #failures = new Map<string, { count: number; lastMs: number }>();
  #waiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long an attempt on this account waits, milliseconds. */
  delayMs(account: string): number {
    const over = this.#count(account) - FREE_FAILURES;
    return over < 0 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(over, 10));
  }

  /**
   * Waits as long as the account's delay is.
   * @param waitingMost refuse at once when so many wait already
   * @returns whether the attempt may go on
   */
  async wait(account: string, waitingMost: number): Promise<boolean> {
    const delayMs = this.delayMs(account);
    if (delayMs === 0) return true;
    if (this.#waiting >= waitingMost) return false;
    this.#waiting++;
    await sleep(this.#clock, delayMs);
    this.#waiting--;
    return true;
  }

  addFailure(account: string): void {
    const count = this.#count(account) + 1;
    this.#failures.delete(account);
    this.#failures.set(account, { count, lastMs: this.#clock.monotonicMs() });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > BUCKETS_MOST && oldest !== undefined) this.#failures.delete(oldest);
  }

  forget(account: string): void {
    this.#failures.delete(account);
  }

  #count(account: string): number {
    const known = this.#failures.get(account);
    return known && known.lastMs > this.#clock.monotonicMs() - FORGET_AFTER_MS ? known.count : 0;
  }
}
