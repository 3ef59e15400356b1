import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeHandshake, judgeStrangerAnswer } from './stranger-guard.ts';

const NAME = 'chat.example.com';

/** Answers of the real gateway 2026.9.6. */
const toStranger = '{"ready":true}';
const toOwner =
  '{"ready":true,"failing":[],"uptimeMs":434028,"eventLoop":{"degraded":false,"degradedSinceMs":null,"reasons":[]}}';
const unattributed = (
  JSON.parse(
    readFileSync(new URL('../../test/golden/openclaw/refusals.json', import.meta.url), 'utf8'),
  ) as Record<string, { status: number; body: string }>
)['unattributed-proxy']!;

const judge = (status: number, body: string): string => {
  const verdict = judgeStrangerAnswer(NAME, { status, body });
  return verdict.kind === 'open' ? 'open' : `${verdict.error.code}${verdict.retry ? ' retry' : ''}`;
};

test('an answer as for a stranger opens', () => {
  expect(judge(200, toStranger)).toBe('open');
});

test('an answer as for the owner keeps it shut', () => {
  expect(judge(200, toOwner)).toBe('GATEWAY_TRUSTS_STRANGERS');
  expect(judge(503, '{"ready":false,"failing":["startup-sidecars"],"uptimeMs":12}')).toBe(
    'GATEWAY_TRUSTS_STRANGERS',
  );
});

test('one more field of any name is one too many', () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (key, value) => {
      fc.pre(key !== 'ready' && key !== '__proto__');
      expect(judge(200, JSON.stringify({ ready: true, [key]: value }))).toBe('GATEWAY_TRUSTS_STRANGERS');
    }),
  );
});

test('a gateway that does not know the edge as proxy is shut, with the two lines that cure it', () => {
  const verdict = judgeStrangerAnswer(NAME, unattributed);
  expect(verdict).toMatchObject({
    kind: 'shut',
    retry: false,
    error: { code: 'GATEWAY_PROXY_UNTRUSTED' },
  });
  expect(verdict.kind === 'shut' && verdict.error.remedy).toBe(
    `openclaw config set gateway.trustedProxies '["127.0.0.1","::1"]'\n` +
      `openclaw config set gateway.controlUi.allowedOrigins '["https://chat.example.com"]'`,
  );
});

test('one that is starting is shut and asked again', () => {
  expect(judge(503, '{"ready":false}')).toBe('GATEWAY_STARTING retry');
});

describe('everything else is shut', () => {
  test.each([
    ['an HTML page with 200', 200, '<!doctype html>'],
    ['no body', 200, ''],
    ['a list', 200, '[true]'],
    ['null', 200, 'null'],
    ['true', 200, 'true'],
    ['an empty object', 200, '{}'],
    ['ready as text', 200, '{"ready":"true"}'],
    ['ready: false with 200', 200, '{"ready":false}'],
    ['ready: true with 503', 503, '{"ready":true}'],
    ['the liveness answer', 200, '{"ok":true,"status":"live"}'],
    ['another 403', 403, '{"error":{"type":"forbidden"}}'],
    ['403 without an error', 403, '{"ready":true}'],
    ['a redirect', 302, '{"ready":true}'],
    ['an interim status', 100, '{"ready":true}'],
    ['not found', 404, 'Not Found'],
  ])('%s', (_, status, body) => {
    expect(judge(status, body)).toBe('GATEWAY_ANSWER_UNKNOWN');
  });

  test('only one answer opens', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.json(), fc.string()), (status, body) => {
        fc.pre(status !== 200 || JSON.stringify(tryParse(body)) !== toStranger);
        expect(judge(status, body)).not.toBe('open');
      }),
    );
  });
});

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

test('a gateway speaks first on its WebSocket; whatever else answers there keeps it shut', () => {
  const challenge =
    '{"type":"event","event":"connect.challenge","payload":{"nonce":"5f2c","ts":1790000000000}}';
  const kind = (status: number, firstMessage: string | undefined): string =>
    judgeHandshake(NAME, { status, firstMessage }).kind;
  expect(kind(101, challenge)).toBe('open');
  for (const message of [undefined, '', 'hello', challenge.replace('connect.challenge', 'tick')]) {
    expect(kind(101, message)).toBe('shut');
  }
  for (const status of [200, 400, 403, 404, 502]) expect(kind(status, challenge)).toBe('shut');
});
