import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Liveness } from './liveness.ts';

interface Bench {
  clock: FakeClock;
  liveness: Liveness;
  sent: string[];
  silences: number;
  roundTrips: number[];
  /** Sends the newest word back after `ms`. */
  answer(ms: number): void;
}

function bench(): Bench {
  const clock = new FakeClock();
  const it: Bench = {
    clock,
    sent: [],
    silences: 0,
    roundTrips: [],
    liveness: new Liveness({
      clock,
      heartbeatMs: 1000,
      prefix: '1-1',
      send: (word) => it.sent.push(word),
      onEcho: (ms) => it.roundTrips.push(ms),
      onSilent: () => it.silences++,
    }),
    answer: (ms) => {
      clock.advance(ms);
      it.liveness.echoed(it.sent.at(-1) ?? '');
    },
  };
  it.liveness.start();
  return it;
}

test('words are what the session script echoes: at most 32 of letters, digits, dot and dash', () => {
  const it = bench();
  it.clock.advance(100_000);
  for (const word of it.sent) expect(word).toMatch(/^[0-9A-Za-z.-]{1,32}$/);
  expect(new Set(it.sent).size).toBe(it.sent.length);
});

test('a beat each second, its round trip measured', () => {
  const it = bench();
  it.answer(20);
  it.clock.advance(980);
  expect(it.sent.length).toBe(2);
  it.answer(40);
  expect(it.roundTrips).toEqual([20, 40]);
  expect(it.liveness.roundTripMs).toBe(40);
});

test('silence is noticed within two and a half heartbeats, once', () => {
  const it = bench();
  for (let beat = 0; beat < 5; beat++) {
    it.answer(20);
    it.clock.advance(980);
  }
  it.answer(20);
  const silentSinceMs = it.clock.monotonicMs();
  while (it.silences === 0) it.clock.advance(10);
  expect(it.clock.monotonicMs() - silentSinceMs).toBeLessThanOrEqual(2500);
  expect(it.clock.monotonicMs() - silentSinceMs).toBeGreaterThan(1500);
  it.clock.advance(60_000);
  expect(it.silences).toBe(1);
  expect(it.liveness.isSilent).toBe(true);
});

test('a connection that answers again is no longer silent, and may fall silent again', () => {
  const it = bench();
  it.clock.advance(5000);
  expect(it.silences).toBe(1);
  it.answer(0);
  expect(it.liveness.isSilent).toBe(false);
  it.clock.advance(5000);
  expect(it.silences).toBe(2);
});

test('a slow link is given four of its round trips', () => {
  const it = bench();
  for (let beat = 0; beat < 20; beat++) {
    const word = it.sent.at(-1) ?? '';
    it.clock.advance(900);
    it.liveness.echoed(word);
    it.clock.advance(100);
  }
  it.clock.advance(3500);
  expect(it.silences).toBe(0);
  it.clock.advance(2500);
  expect(it.silences).toBe(1);
});

test('a probe is patient for half a second and two round trips only', () => {
  const it = bench();
  it.answer(100);
  it.liveness.probe();
  it.clock.advance(690);
  expect(it.silences).toBe(0);
  it.clock.advance(20);
  expect(it.silences).toBe(1);
});

test('an answered probe, and words that were never sent, change nothing', () => {
  const it = bench();
  it.answer(20);
  it.liveness.probe();
  it.answer(20);
  it.liveness.echoed('1-1.999');
  it.liveness.echoed('');
  it.clock.advance(900);
  expect(it.silences).toBe(0);
  expect(it.roundTrips).toEqual([20, 20]);
});

test('an echo of an older word does not excuse a newer one', () => {
  const it = bench();
  it.clock.advance(1000);
  const [older = ''] = it.sent;
  it.liveness.echoed(older);
  it.clock.advance(0);
  it.liveness.probe();
  it.liveness.echoed(it.sent.at(-1) ?? '');
  it.clock.advance(990);
  it.liveness.probe();
  const [word = ''] = it.sent.slice(-2);
  it.clock.advance(20);
  it.liveness.echoed(word);
  expect(it.silences).toBe(0);
  it.clock.advance(6000);
  expect(it.silences).toBe(1);
});

test('after stop nothing is sent and nothing is noticed', () => {
  const it = bench();
  it.liveness.stop();
  it.clock.advance(60_000);
  expect(it.sent.length).toBe(1);
  expect(it.silences).toBe(0);
});
