/** A pending timer; `cancel` may be called any number of times. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as the program sees it. Everything that waits or measures takes a clock, so that tests move it by hand.
 * The system's clock is `platform/clock.ts`, the tests' is `test/support/fake-clock.ts`; both pass the same contract test.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`. Never keeps the process alive by itself. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls back every `intervalMs` until cancelled. Never keeps the process alive by itself. */
  every(intervalMs: number, callback: () => void): Timer;
}

/** Resolves after `delayMs`, or rejects with the signal's reason when that aborts first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortReason(signal));
    const onAbort = (): void => {
      timer.cancel();
      reject(abortReason(signal as AbortSignal));
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason });
}
