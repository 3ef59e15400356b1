import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { silentLog } from '../core/log.ts';
import type { TlsAnswer, TlsRequest } from '../platform/tls-request.ts';
import { CANARY_INTERVAL_MS, Canary } from './canary.ts';
import { HealthTracker } from './health/tracker.ts';

const NAME = 'chat.example.com';
const fine: TlsAnswer = { ok: true, status: 200, body: 'ours', tookMs: 12.34 };

function make(isBehindBasicAuth = false, hasCertificate = true) {
  const clock = new FakeClock();
  const health = new HealthTracker(clock);
  const asked: TlsRequest[] = [];
  const state: { answer: TlsAnswer } = { answer: fine };
  const canary = new Canary({
    targets: [{ name: NAME, url: `https://${NAME}`, tls: 'home', isBehindBasicAuth }],
    relay: { host: 'vps.example.com', port: 443 },
    edge: { makeCanary: () => ({ path: '/.well-known/x', expectedBody: 'ours' }) },
    certificates: {
      isOurs: (_, shown) => shown.fingerprint256 === 'OURS',
      find: () => (hasCertificate ? { cert: '', key: '' } : undefined),
    },
    health,
    clock,
    log: silentLog,
    request: async (options) => {
      asked.push(options);
      return state.answer;
    },
  });
  return { clock, health, canary, asked, state };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('it asks the relay for the name every 30 s, and judges the certificate itself', async () => {
  const { clock, canary, asked } = make();
  await canary.start();
  await clock.advanceAsync(CANARY_INTERVAL_MS);
  expect(asked).toHaveLength(2);
  expect(asked[0]).toMatchObject({
    host: 'vps.example.com',
    port: 443,
    serverName: NAME,
    path: '/.well-known/x',
  });
  const judge = asked[0]!.judgeCertificate!;
  expect(judge({ fingerprint256: 'OURS' } as never)).toBeUndefined();
  expect(judge({ fingerprint256: 'AA:BB' } as never)).toContain('aabb');
  expect(canary.last(NAME)).toMatchObject({ isFine: true, tookMs: 12.3 });
  canary.stop();
});

test('an answer that is not ours is no proof', async () => {
  const { canary, state, clock, health } = make();
  state.answer = { ...fine, body: 'somebody else' };
  await canary.start();
  expect(canary.last(NAME)).toMatchObject({
    isFine: false,
    reason: 'somebody else answered, with status 200',
  });
  await clock.advanceAsync(25_000, 1000);
  expect(health.incidents()).toMatchObject([{ code: 'CANARY_FAILED', subject: NAME }]);
  await expect(canary.sendProbe(new AbortController().signal)).rejects.toThrow('somebody else');
});

test('a foreign certificate is an incident at once, and stays one while nobody can be reached', async () => {
  const { canary, state, health, clock } = make();
  state.answer = { ok: false, failure: 'certificate', reason: 'its SHA-256 is aabb' };
  await canary.start();
  expect(health.incidents()).toMatchObject([{ code: 'CANARY_FOREIGN_CERTIFICATE' }]);
  state.answer = { ok: false, failure: 'unreachable', reason: 'ECONNREFUSED' };
  await clock.advanceAsync(120_000, 1000);
  expect(health.incidents().map(({ code }) => code)).toEqual(['CANARY_FOREIGN_CERTIFICATE']);
  state.answer = fine;
  await clock.advanceAsync(120_000, 1000);
  expect(health.incidents()).toEqual([]);
});

test("behind the relay's Basic auth its refusal is what can be seen, and no probe is sent", async () => {
  const { canary, state, asked } = make(true);
  state.answer = { ...fine, status: 401, body: 'no' };
  await canary.start();
  expect(canary.last(NAME)?.isFine).toBe(true);
  await canary.sendProbe(new AbortController().signal);
  expect(asked).toHaveLength(1);
});

test('a probe of the link counts whoever the certificate is from: what proves it is the door that it came through', async () => {
  const { canary, asked } = make();
  await canary.sendProbe(new AbortController().signal);
  expect(asked[0]?.judgeCertificate?.({ fingerprint256: 'AA:BB' } as never)).toBeUndefined();
});

test('nothing is asked or said after the stop', async () => {
  const { canary, state, asked, health, clock } = make();
  await canary.start();
  canary.stop();
  state.answer = { ok: false, failure: 'unreachable', reason: 'x' };
  await clock.advanceAsync(300_000, 10_000);
  await canary.start();
  await settle();
  expect(asked).toHaveLength(1);
  expect(health.incidents()).toEqual([]);
});

test('before a name has its first certificate it proves no connection, and that holds nobody up', async () => {
  const { canary, asked } = make(false, false);
  expect(canary.canProbe()).toBe(false);
  await canary.sendProbe(new AbortController().signal);
  expect(asked).toEqual([]);
  const later = make();
  expect(later.canary.canProbe()).toBe(true);
  await later.canary.sendProbe(new AbortController().signal);
  expect(later.asked).toHaveLength(1);
});
