import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

test('at once, then 0.2 s, doubling, never over 30 s', () => {
  const longest = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100, 1e6].map((failures) =>
    backoffMs(failures, 0.999_999),
  );
  expect(longest).toEqual([
    0, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000, 30_000,
  ]);
});

test('full jitter: anything from 0 to the bound', () => {
  expect(backoffMs(5, 0)).toBe(0);
  expect(backoffMs(5, 0.5)).toBe(800);
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (failures, random) => {
      const delayMs = backoffMs(failures, random);
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThanOrEqual(30_000);
    }),
  );
});
