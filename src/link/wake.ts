import type { Clock, Timer } from '../core/clock.ts';

const INTERVAL_MS = 1000;
const LATE_MS = 1000;

/**
 * Notices that the machine slept (or the process was stopped): a tick comes late.
 * Comparing the two clocks finds nothing where the monotonic one runs on during sleep (macOS), and on Linux it stands
 * still; so lateness on either counts. A false alarm (a clock set forward, a blocked process) costs one probe.
 * @param onWake called with how late the tick came, milliseconds
 */
export function watchWake(clock: Clock, onWake: (lateMs: number) => void): Timer {
  let lastWallMs = clock.nowMs();
  let lastMonotonicMs = clock.monotonicMs();
  return clock.every(INTERVAL_MS, () => {
    const wallMs = clock.nowMs();
    const monotonicMs = clock.monotonicMs();
    const lateMs = Math.max(wallMs - lastWallMs, monotonicMs - lastMonotonicMs) - INTERVAL_MS;
    lastWallMs = wallMs;
    lastMonotonicMs = monotonicMs;
    if (lateMs > LATE_MS) onWake(lateMs);
  });
}
