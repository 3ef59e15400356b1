import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { Clock } from '../core/clock.ts';
import { watchWake } from './wake.ts';

test('ticks that come in time say nothing', () => {
  const clock = new FakeClock();
  const wakes: number[] = [];
  watchWake(clock, (lateMs) => wakes.push(lateMs));
  clock.advance(3_600_000);
  expect(wakes).toEqual([]);
});

test('after a sleep the next tick comes late and says how late', () => {
  const clock = new FakeClock();
  const wakes: number[] = [];
  watchWake(clock, (lateMs) => wakes.push(lateMs));
  clock.advance(5000);
  clock.suspend(60_000);
  clock.advance(1000);
  expect(wakes.length).toBe(1);
  expect(wakes[0]).toBeGreaterThanOrEqual(59_000);
  clock.advance(10_000);
  expect(wakes.length).toBe(1);
});

test.each(['wall', 'monotonic'] as const)('lateness on the %s clock alone is enough', (which) => {
  let tick = (): void => {};
  const now = { wall: 0, monotonic: 0 };
  const clock: Clock = {
    nowMs: () => now.wall,
    monotonicMs: () => now.monotonic,
    after: () => ({ cancel: () => {} }),
    every: (_ms, callback) => {
      tick = callback;
      return { cancel: () => {} };
    },
  };
  const wakes: number[] = [];
  watchWake(clock, (lateMs) => wakes.push(lateMs));
  now.wall += 1000;
  now.monotonic += 1000;
  now[which] += 30_000;
  tick();
  expect(wakes).toEqual([30_000]);
});

test('a clock that is set back, and a tick that is a little late, say nothing', () => {
  const clock = new FakeClock();
  const wakes: number[] = [];
  watchWake(clock, (lateMs) => wakes.push(lateMs));
  clock.suspend(-3_600_000);
  clock.suspend(3_600_900);
  clock.advance(1000);
  expect(wakes).toEqual([]);
});
