import { expect, test } from 'vitest';
import { PosternError } from '../../core/errors/index.ts';
import { retryDelayMs } from './retry-time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const delays = (
  code: 'ACME_UNREACHABLE' | 'ACME_NOT_PROVEN' | 'ACME_RATE_LIMITED',
  retryAfterMs?: number,
): number[] =>
  Array.from({ length: 40 }, (_, index) =>
    retryDelayMs(
      new PosternError(code, retryAfterMs === undefined ? {} : { retryAfterMs }),
      index + 1,
      () => 0,
    ),
  );

test('an authority that is away is asked again within an hour, however long it stays away', () => {
  const all = delays('ACME_UNREACHABLE');
  expect(all.slice(0, 4)).toEqual([MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]);
  expect(Math.max(...all)).toBe(HOUR);
});

test('failed proofs of a name stay below five in an hour', () => {
  const all = delays('ACME_NOT_PROVEN');
  let atMs = 0;
  const times = [0, ...all.map((delay) => (atMs += delay))];
  for (const start of times) {
    expect(times.filter((time) => time >= start && time < start + HOUR).length).toBeLessThan(5);
  }
  expect(Math.max(...all)).toBe(6 * HOUR);
});

test('the time that the authority names is kept, up to a week', () => {
  expect(delays('ACME_RATE_LIMITED', 5 * HOUR)[0]).toBe(5 * HOUR);
  expect(delays('ACME_RATE_LIMITED', 1)[0]).toBe(HOUR);
  expect(delays('ACME_RATE_LIMITED', 1e12)[0]).toBe(7 * 24 * HOUR);
});

test('homes do not keep step: up to a fifth is taken off', () => {
  const error = new PosternError('ACME_UNREACHABLE');
  expect(retryDelayMs(error, 1, () => 0.999)).toBeGreaterThan(0.79 * MINUTE);
  expect(retryDelayMs(error, 1, () => 0.999)).toBeLessThan(0.81 * MINUTE);
});

test('an error that nobody foresaw is treated like a refusal', () => {
  expect(retryDelayMs(new Error('x'), 1, () => 0)).toBe(15 * MINUTE);
});
