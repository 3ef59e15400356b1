import { expect, test } from 'vitest';
import { median, percentile } from '../../bench/tools/statistics.ts';
import { type WatchedRequest, findOutage } from '../../bench/tools/watch-log.ts';

/** A wrong sum in a benchmark is a wrong promise in a document. */

test('median and percentile', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([])]).toEqual([2, 2.5, Number.NaN]);
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile(hundred, 1)]).toEqual([
    50, 99, 100,
  ]);
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([], 0.5)).toBeNaN();
});

const request = (startMs: number, tookMs: number, fault: string | null = null): WatchedRequest => ({
  startMs,
  endMs: startMs + tookMs,
  fault,
  retried: false,
});

test('dark is from the first request that fails to the first answer after the last one that fails', () => {
  const log = [
    request(0, 20),
    request(100, 5000, 'timeout'),
    request(200, 20),
    request(300, 10, 'ECONNRESET'),
    request(400, 30),
    request(500, 20),
  ];
  expect(findOutage(log, 350)).toMatchObject({ failed: 2, slow: 0, darkSeconds: 0.33, afterSeconds: 0.08 });
});

test('answers that are back before the fault is over leave nothing after it', () => {
  const log = [request(0, 20), request(100, 10, 'status 502'), request(200, 20)];
  expect(findOutage(log, 1000)).toMatchObject({ darkSeconds: 0.12, afterSeconds: 0 });
});

test('a visitor who waits long for an answer counts as waiting, although nothing fails', () => {
  const log = [request(0, 20), request(100, 3000), request(200, 2950), request(4000, 20)];
  expect(findOutage(log, 1000)).toMatchObject({ failed: 0, slow: 2, darkSeconds: 0, afterSeconds: 2.15 });
});

test('an outage that has not ended is no number', () => {
  expect(() => findOutage([request(0, 20), request(100, 10, 'ECONNREFUSED')], 100)).toThrow('in the dark');
});
