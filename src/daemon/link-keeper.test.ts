import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { silentLog } from '../core/log.ts';
import type { ConnectionState, ConnectionStatus, Link, LinkEvent } from '../link/contract.ts';
import { HealthTracker } from './health/tracker.ts';
import { LinkKeeper } from './link-keeper.ts';

/** A pool that a test moves by hand. */
class FakeLink implements Link {
  readonly ready: Promise<void>;
  states: ConnectionState[] = ['connecting', 'connecting'];
  held = 0;
  isStopped = false;
  refuse: (error: Error) => void = () => {};
  readonly #callbacks = new Set<(event: LinkEvent) => void>();
  readonly #onPassed: (slot: number) => void;

  constructor(onPassed: (slot: number) => void) {
    this.#onPassed = onPassed;
    this.ready = new Promise((_, reject) => (this.refuse = reject));
  }

  status(): ConnectionStatus[] {
    return this.states.map((state, index) => ({
      slot: index + 1,
      state,
      roundTripMs: 20,
      sinceMs: 0,
      restarts: 0,
      lastError: undefined,
    }));
  }

  onEvent(callback: (event: LinkEvent) => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  get listeners(): number {
    return this.#callbacks.size;
  }

  become(...states: ConnectionState[]): void {
    this.states = states;
    for (const callback of this.#callbacks) callback({ kind: 'up', slot: 1, roundTripMs: 20 });
  }

  halt(): void {
    for (const callback of this.#callbacks)
      callback({ kind: 'halted', code: 'SSH_UNKNOWN', text: 'odd words' });
  }

  pass(slot: number): void {
    this.#onPassed(slot);
  }

  probeNow(): void {}

  hold(): () => void {
    this.held++;
    return () => void this.held--;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
  }
}

function make() {
  const clock = new FakeClock();
  const health = new HealthTracker(clock);
  const pools: FakeLink[] = [];
  const keeper = new LinkKeeper({
    makeLink: (onPassed) => {
      const pool = new FakeLink(onPassed);
      pools.push(pool);
      return pool;
    },
    connections: 2,
    relay: 'vps:22',
    health,
    clock,
    log: silentLog,
    onChange: () => {},
  });
  keeper.start();
  return { clock, health, pools, keeper, first: pools[0] as FakeLink };
}

const outcome = (promise: Promise<void>): { text: string } => {
  const seen = { text: 'open' };
  promise.then(
    () => (seen.text = 'through'),
    (error: Error) => (seen.text = error.message),
  );
  return seen;
};

test('through when every connection has carried a request', async () => {
  const { clock, keeper, first } = make();
  const seen = outcome(keeper.waitThrough());
  first.pass(1);
  await clock.advanceAsync(4000, 50);
  expect(seen.text).toBe('open');
  first.pass(2);
  await clock.advanceAsync(100, 50);
  expect(seen.text).toBe('through');
});

test('through when one has and the others had their 5 s; a slot that passes twice is one', async () => {
  const { clock, keeper, first } = make();
  const seen = outcome(keeper.waitThrough());
  first.pass(1);
  first.pass(1);
  await clock.advanceAsync(4900, 50);
  expect(seen.text).toBe('open');
  await clock.advanceAsync(300, 50);
  expect(seen.text).toBe('through');
});

test('a refusal of ssh, or 30 s without a request, is a failure', async () => {
  const refused = make();
  const first = outcome(refused.keeper.waitThrough());
  refused.first.refuse(new Error('Permission denied'));
  await refused.clock.advanceAsync(100, 50);
  expect(first.text).toBe('Permission denied');
  const silent = make();
  const second = outcome(silent.keeper.waitThrough());
  await silent.clock.advanceAsync(31_000, 50);
  expect(second.text).toBe('nothing came through in 30 s');
});

test('a held link that hears nothing more of its successor makes its connections anew, new before old', async () => {
  const { clock, keeper, first, pools } = make();
  first.become('up', 'up');
  keeper.hold();
  keeper.hold();
  expect(first.held).toBe(1);
  await clock.advanceAsync(60_000, 1000);
  const renewed = pools[1] as FakeLink;
  expect([first.held, first.isStopped]).toEqual([1, false]);
  renewed.pass(1);
  renewed.pass(2);
  await clock.advanceAsync(200, 50);
  expect([first.isStopped, first.listeners, renewed.isStopped]).toEqual([true, 0, false]);
  await keeper.stop();
  expect(renewed.isStopped).toBe(true);
});

test('connections that cannot be made anew leave the old ones, which may start ssh again', async () => {
  const { clock, keeper, first, pools } = make();
  keeper.hold();
  keeper.release();
  await clock.advanceAsync(31_000, 50);
  expect([first.held, first.isStopped, pools[1]?.isStopped]).toEqual([0, false, true]);
  expect(keeper.status()).toEqual(first.status());
});

test('a stop in the middle of that ends both', async () => {
  const { clock, keeper, first, pools } = make();
  keeper.hold();
  keeper.release();
  const stopped = keeper.stop();
  await clock.advanceAsync(200, 50);
  await stopped;
  expect([first.isStopped, pools[1]?.isStopped]).toEqual([true, true]);
});

test('what is broken is told: everything, one connection, or that Postern has stopped trying', async () => {
  const { clock, health, first } = make();
  const codes = (): string[] => health.incidents().map(({ code, subject }) => `${code} ${subject}`.trim());
  await clock.advanceAsync(10_000, 1000);
  expect(codes()).toEqual(['LINK_DOWN']);
  first.halt();
  expect(codes()).toEqual(['LINK_HALTED']);
  expect(health.incidents()[0]?.title).toContain('[SSH_UNKNOWN]');
  first.become('up', 'waiting');
  await clock.advanceAsync(90_000, 1000);
  expect(codes()).toEqual(['LINK_DEGRADED 2']);
  first.become('up', 'up');
  await clock.advanceAsync(60_000, 1000);
  expect(codes()).toEqual([]);
});
