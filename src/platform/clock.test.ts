import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { type Clock, sleep } from '../core/clock.ts';
import { systemClock } from './clock.ts';

/** The contract of core/clock.ts: the real clock and the tests' one must both keep it. */
function clockContract(
  name: string,
  make: () => { clock: Clock; pass: (ms: number) => Promise<void> },
): void {
  describe(name, () => {
    test('timers run in the order of their time, once; cancelled ones never', async () => {
      const { clock, pass } = make();
      const ran: string[] = [];
      clock.after(30, () => ran.push('late'));
      clock.after(5, () => ran.push('early'));
      clock.after(10, () => ran.push('never')).cancel();
      await pass(60);
      expect(ran).toEqual(['early', 'late']);
    });

    test('every repeats until cancelled', async () => {
      const { clock, pass } = make();
      let count = 0;
      const timer = clock.every(10, () => {
        if (++count === 3) timer.cancel();
      });
      await pass(120);
      expect(count).toBe(3);
    });

    test('both times go on', async () => {
      const { clock, pass } = make();
      const [wall, mono] = [clock.nowMs(), clock.monotonicMs()];
      await pass(20);
      expect(clock.nowMs()).toBeGreaterThanOrEqual(wall + 15);
      expect(clock.monotonicMs()).toBeGreaterThanOrEqual(mono + 15);
    });

    test('a sleep that is aborted rejects with the reason', async () => {
      const { clock } = make();
      const abort = new AbortController();
      const slept = sleep(clock, 60_000, abort.signal);
      abort.abort(new Error('enough'));
      await expect(slept).rejects.toThrow('enough');
    });
  });
}

clockContract('the system clock', () => ({
  clock: systemClock,
  pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}));
clockContract('the fake clock', () => {
  const clock = new FakeClock();
  return { clock, pass: (ms) => clock.advanceAsync(ms, 1) };
});
