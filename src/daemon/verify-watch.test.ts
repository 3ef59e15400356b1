import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { configSchema } from '../config/schema.ts';
import { silentLog } from '../core/log.ts';
import type { ServiceState } from '../edge/contract.ts';
import type { Visit, VisitAnswer } from '../platform/visit.ts';
import { HealthTracker } from './health/tracker.ts';
import { ServiceStates } from './service-states.ts';
import { VerifyWatch } from './verify-watch.ts';

const NAME = 'chat.example.com';

/** How strangers are answered: by the login, by the service, or not at all. */
let world: 'login' | 'service' | 'nobody' = 'login';
let clock: FakeClock;
let health: HealthTracker;
let states: ServiceStates;
let applied: ServiceState[];
let visits: Visit[];
let watch: VerifyWatch;

beforeEach(() => {
  world = 'login';
  clock = new FakeClock();
  health = new HealthTracker(clock);
  applied = [];
  visits = [];
  states = new ServiceStates((_, state) => applied.push(state));
  watch = makeWatch('login');
});
afterEach(() => {
  watch.stop();
  health.stop();
});

function makeWatch(auth: 'login' | 'none'): VerifyWatch {
  return new VerifyWatch({
    config: configSchema.parse({
      home: 'x',
      relay: { host: '203.0.113.5' },
      // Without a certificate of its own there is none to compare.
      services: [{ name: NAME, to: 'http://127.0.0.1:1', tls: 'relay', auth }],
    }),
    edge: { makeCanary: () => ({ path: '/.well-known/ask', expectedBody: 'told' }) },
    certificates: { find: () => undefined },
    states,
    health,
    clock,
    log: silentLog,
    visit: (options) => {
      visits.push(options);
      return Promise.resolve(answerTo(options));
    },
  });
}

function answerTo({ path, tls }: Visit): VisitAnswer {
  if (world === 'nobody') return { kind: 'unreachable', reason: 'ECONNREFUSED', tookMs: 1 };
  if (!tls || tls.serverName !== NAME || tls.onlyVersion)
    return { kind: 'closed', reason: 'reset', tookMs: 1 };
  if (path === '/.well-known/ask')
    return { kind: 'answer', status: 200, headers: {}, body: 'told', tookMs: 1 };
  if (world === 'service') return { kind: 'answer', status: 200, headers: {}, body: 'secret', tookMs: 1 };
  const headers = {
    'www-authenticate': 'Bearer',
    'cache-control': 'no-store',
    'x-robots-tag': 'noindex, nofollow',
  };
  return { kind: 'answer', status: 401, headers, body: '', tookMs: 1 };
}

/** Lets the looks of a moment come to their end. */
async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}
const alerts = (): string[] => health.incidents().map(({ code }) => code);

test('the first look comes after a minute, the next ones every hour, and to the relay alone', async () => {
  watch.start();
  await pass(59_999);
  expect(visits).toEqual([]);
  await pass(1);
  const first = visits.length;
  expect(first).toBeGreaterThan(5);
  expect(new Set(visits.map(({ host }) => host))).toEqual(new Set(['203.0.113.5']));
  await pass(3_599_999);
  expect(visits).toHaveLength(first);
  await pass(1);
  expect(visits).toHaveLength(2 * first);
});

test('a login that does not hold shuts the service until a look finds that it holds', async () => {
  world = 'service';
  watch.start();
  await pass(60_000);
  expect(states.of(NAME).open).toBe(false);
  expect(alerts()).toContain('VERIFY_LOGIN_OFF');
  await pass(60_000);
  expect(states.of(NAME).open).toBe(false);
  world = 'nobody';
  await pass(60_000);
  expect(states.of(NAME).open).toBe(false);
  world = 'login';
  await pass(5000);
  expect(states.of(NAME).open).toBe(true);
  expect(alerts()).not.toContain('VERIFY_LOGIN_OFF');
});

test('when nobody answers, nothing is shut: that is no sign of an open door', async () => {
  world = 'nobody';
  watch.start();
  await pass(60_000);
  expect(states.of(NAME).open).toBe(true);
});

test('the guard opens nothing that the login has shut, and the other way round', () => {
  expect(watch.shut(NAME, 'status 200')).toBe(true);
  states.set('guard', NAME, { open: false, reason: 'trusts strangers' });
  states.set('guard', NAME, { open: true });
  expect(applied.at(-1)).toMatchObject({ open: false, reason: expect.stringContaining('status 200') });
});

test('auth: none stays open as its owner wrote it, and an unknown name shuts nothing', () => {
  expect(makeWatch('none').shut(NAME, 'status 200')).toBe(false);
  expect(watch.shut('other.example.com', 'status 200')).toBe(false);
  expect(applied).toEqual([]);
});

test('what was stopped shuts nothing and looks no more', async () => {
  watch.start();
  watch.stop();
  expect(watch.shut(NAME, 'x')).toBe(false);
  await pass(3_700_000);
  expect(visits).toEqual([]);
});
