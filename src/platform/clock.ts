import type { Clock, Timer } from '../core/clock.ts';

/** The system's clock. Its timers are unref'd: waiting alone never keeps a command from ending. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback): Timer {
    const handle = setTimeout(callback, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(intervalMs, callback): Timer {
    const handle = setInterval(callback, intervalMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

/** The longest interval that Node takes, 24 days. */
const LONG_MS = 2 ** 31 - 1;

/** Keeps the process from ending while it only waits for such timers. Returns the way to stop that. */
export function keepProcessAlive(): () => void {
  const handle = setInterval(() => {}, LONG_MS);
  return () => clearInterval(handle);
}
