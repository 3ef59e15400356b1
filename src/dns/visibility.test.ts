import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { ServerAnswer } from './lookup/ask-server.ts';
import type { Lookup } from './lookup/lookup.ts';
import { waitUntilVisible } from './visibility.ts';

const WANTED = { type: 'A', address: '203.0.113.5' } as const;
const EXPECTATION = { name: 'chat.example.com', type: 'A', records: [WANTED], isExact: true } as const;
const THERE: ServerAnswer = { kind: 'records', records: [{ data: WANTED, ttlSeconds: 60 }] };
const NOTHING: ServerAnswer = { kind: 'none' };

/** One list of answers for each look, the last one for all that follow. */
function lookupOf(...looks: readonly (readonly ServerAnswer[] | PosternError)[]): Lookup & { count: number } {
  return {
    count: 0,
    findAuthorities: () => Promise.resolve({ zone: 'example.com', servers: [], lost: [] }),
    askAuthorities() {
      const look = looks[Math.min(this.count, looks.length - 1)] ?? [];
      this.count += 1;
      if (look instanceof PosternError) return Promise.reject(look);
      return Promise.resolve(look.map((answer, index) => ({ server: `ns${index + 1}`, answer })));
    },
    askResolver: () => Promise.resolve(NOTHING),
    isSigned: () => Promise.resolve(undefined),
  };
}

async function run(lookup: Lookup, timeoutMs: number): Promise<{ outcome: unknown; tookMs: number }> {
  const clock = new FakeClock();
  let outcome: unknown;
  waitUntilVisible(EXPECTATION, { lookup, clock, timeoutMs }).then(
    () => (outcome = 'seen'),
    (error: unknown) => (outcome = error),
  );
  await expect
    .poll(
      async () => {
        await clock.advanceAsync(1000, 500);
        return outcome;
      },
      { interval: 0, timeout: 10_000 },
    )
    .toBeDefined();
  return { outcome, tookMs: clock.monotonicMs() };
}

test('it is waited for until the last server shows it', async () => {
  const lookup = lookupOf([NOTHING, NOTHING], [THERE, NOTHING], [THERE, THERE]);
  expect((await run(lookup, 600_000)).outcome).toBe('seen');
  expect(lookup.count).toBe(3);
});

test('after ten minutes the servers that do not show it are named with what they show', async () => {
  const other: ServerAnswer = {
    kind: 'records',
    records: [{ data: { type: 'A', address: '198.51.100.1' }, ttlSeconds: 60 }],
  };
  const { outcome, tookMs } = await run(
    lookupOf([
      THERE,
      NOTHING,
      other,
      { kind: 'alias', target: 'x.example' },
      { kind: 'failed', reason: 'ETIMEOUT' },
    ]),
    600_000,
  );
  expect(outcome).toMatchObject({
    code: 'DNS_NOT_VISIBLE',
    details: {
      seconds: 600,
      missing: 'ns2 (nothing), ns3 (A 198.51.100.1), ns4 (CNAME x.example), ns5 (ETIMEOUT)',
    },
  });
  expect(tookMs).toBeGreaterThanOrEqual(600_000);
});

test('a network that is away for a moment ends nothing', async () => {
  const away = new PosternError('DNS_LOOKUP_FAILED', { name: 'example.com', reason: 'ETIMEOUT' });
  expect((await run(lookupOf(away, away, [THERE]), 60_000)).outcome).toBe('seen');
});

test('a second record beside the wanted one does not count where it has to stand alone', async () => {
  const both: ServerAnswer = {
    kind: 'records',
    records: [WANTED, { type: 'A', address: '198.51.100.1' } as const].map((data) => ({
      data,
      ttlSeconds: 60,
    })),
  };
  expect((await run(lookupOf([both]), 4000)).outcome).toMatchObject({ code: 'DNS_NOT_VISIBLE' });
});
