import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { HashQueue } from './hash-queue.ts';
import { AccountDelay, FailureThrottle } from './throttle.ts';
import { Visits } from './visits.ts';

test('memory for addresses is bounded, and the newest are kept', () => {
  const throttle = new FailureThrottle(new FakeClock());
  for (let i = 0; i < 30_000; i++) throttle.take(`address ${i}`);
  expect(throttle.size).toBe(20_000);
  for (let i = 0; i < 4; i++) throttle.take('address 29999');
  expect(throttle.take('address 29999').ok).toBe(false);
});

test('a refund gives back its own place', () => {
  const throttle = new FailureThrottle(new FakeClock());
  const permits = Array.from({ length: 5 }, () => throttle.take('a'));
  expect(throttle.take('a').ok).toBe(false);
  for (const permit of permits) if (permit.ok) permit.refund();
  expect(throttle.waitSeconds('a')).toBe(0);
});

test('an account slows down from 250 ms to 8 s, never shuts, and recovers in an hour', () => {
  const clock = new FakeClock();
  const delay = new AccountDelay(clock);
  const delays = Array.from({ length: 12 }, () => {
    const now = delay.delayMs('ann');
    delay.addFailure('ann');
    return now;
  });
  expect(delays).toEqual([0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
  expect(delay.delayMs('bob')).toBe(0);
  clock.advance(3_600_000);
  expect(delay.delayMs('ann')).toBe(0);
});

test('of those who wait for a slow account only so many are held', async () => {
  const clock = new FakeClock();
  const delay = new AccountDelay(clock);
  for (let i = 0; i < 4; i++) delay.addFailure('ann');
  const waiting = [delay.wait('ann', 2), delay.wait('ann', 2)];
  expect(await delay.wait('ann', 2)).toBe(false);
  await clock.advanceAsync(1000);
  expect(await Promise.all(waiting)).toEqual([true, true]);
  expect(await delay.wait('bob', 0)).toBe(true);
});

test('two hashes run at once, and a failing one gives its place on', async () => {
  const queue = new HashQueue();
  let running = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    throw new Error('as planned');
  };
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => queue.run('stranger', work)));
  expect(most).toBe(2);
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  expect(await queue.run('stranger', async () => 'free again')).toBe('free again');
});

test('the way back is bounded in number, in length and in time', () => {
  const clock = new FakeClock();
  const visits = new Visits(clock);
  for (let i = 0; i < 6000; i++) visits.rememberPath(`visit ${i}`, `/${i}`);
  expect(visits.size).toBe(5000);
  visits.rememberPath('long', `/${'x'.repeat(4000)}`);
  expect(visits.takePath('long')).toBe('/');
  expect(visits.takePath('visit 5999')).toBe('/5999');
  expect(visits.takePath('visit 5999')).toBe('/');
  clock.advance(3_600_000);
  expect(visits.takePath('visit 5998')).toBe('/');
});
