import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Reach } from './reach.ts';

interface Bench {
  clock: FakeClock;
  reach: Reach;
  tries: { answer(isReached: boolean): void; signal: AbortSignal; timeoutMs: number }[];
  reached: boolean[];
  settle(): Promise<void>;
}

function bench(): Bench {
  const clock = new FakeClock();
  const it: Bench = {
    clock,
    tries: [],
    reached: [],
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    reach: new Reach({
      clock,
      tryConnect: (timeoutMs, signal) =>
        new Promise((resolve) => it.tries.push({ answer: resolve, signal, timeoutMs })),
      onReached: (wasDark) => it.reached.push(wasDark),
    }),
  };
  return it;
}

test('three tries a second, each given up after a second, however many ask', () => {
  const it = bench();
  for (let times = 0; times < 5; times++) it.reach.start();
  it.clock.advance(3000);
  expect(it.tries.length).toBe(11);
  expect(it.tries[0]?.timeoutMs).toBe(1000);
});

test('the first success ends it: one connection without a login for each ssh', async () => {
  const it = bench();
  it.reach.start();
  it.clock.advance(600);
  it.tries[0]?.answer(false);
  await it.settle();
  it.tries[1]?.answer(true);
  it.tries[2]?.answer(true);
  await it.settle();
  expect(it.reached).toEqual([true]);
  expect(it.tries[2]?.signal.aborted).toBe(true);
  it.clock.advance(5000);
  expect(it.tries.length).toBe(3);
});

test('reached at the first try: it was never dark', async () => {
  const it = bench();
  it.reach.start();
  it.tries[0]?.answer(true);
  await it.settle();
  expect(it.reached).toEqual([false]);
  expect(it.reach.isAsking).toBe(false);
});

test('after stop an answer changes nothing, and it can be started again', async () => {
  const it = bench();
  it.reach.start();
  it.reach.stop();
  it.tries[0]?.answer(true);
  await it.settle();
  expect(it.reached).toEqual([]);
  it.reach.start();
  it.tries[1]?.answer(true);
  await it.settle();
  expect(it.reached).toEqual([false]);
});

test('hurry tries at once, and only while it is asking', () => {
  const it = bench();
  it.reach.hurry();
  expect(it.tries.length).toBe(0);
  it.reach.start();
  it.reach.hurry();
  expect(it.tries.length).toBe(2);
});
