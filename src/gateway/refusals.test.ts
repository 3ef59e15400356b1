import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeRefusal, readRefusal } from './refusals.ts';

interface Recorded {
  readonly frame?: unknown;
  readonly body?: string;
}

/** Recorded from the real gateway 2026.9.6. */
const recorded = JSON.parse(
  readFileSync(new URL('../../test/golden/openclaw/refusals.json', import.meta.url), 'utf8'),
) as Record<string, Recorded>;

const expected: Record<string, string | undefined> = {
  'pairing-required': 'PAIRING_REQUIRED',
  'scope-upgrade': 'PAIRING_REQUIRED',
  'no-device-no-auth': 'DEVICE_IDENTITY_REQUIRED',
  'control-ui-without-device': 'CONTROL_UI_DEVICE_IDENTITY_REQUIRED',
  'wrong-token': 'AUTH_TOKEN_MISMATCH',
  origin: 'CONTROL_UI_ORIGIN_NOT_ALLOWED',
  'rate-limited': 'AUTH_RATE_LIMITED',
  'bad-signature': 'DEVICE_AUTH_SIGNATURE_INVALID',
  'stale-signature': 'DEVICE_AUTH_SIGNATURE_EXPIRED',
  nonce: 'DEVICE_AUTH_NONCE_MISMATCH',
  'device-id': 'DEVICE_AUTH_DEVICE_ID_MISMATCH',
  protocol: 'PROTOCOL_MISMATCH',
  build: 'PROTOCOL_MISMATCH',
  'bad-device-token': 'AUTH_DEVICE_TOKEN_MISMATCH',
  'reused-setup-code': 'AUTH_BOOTSTRAP_TOKEN_INVALID',
  starting: 'startup-sidecars',
  scope: 'MISSING_SCOPE',
  'other-user': 'AUTH_UNAUTHORIZED',
  'no-identity-header': 'AUTH_IDENTITY_HEADER_REQUIRED',
  'unattributed-proxy': 'proxy_attribution_required',
  schema: undefined,
};

test('every recorded refusal is in the table, and the table in the recordings', () => {
  expect(Object.keys(recorded).toSorted()).toEqual(Object.keys(expected).toSorted());
});

test.each(Object.entries(recorded))('%s', (name, { frame, body }) => {
  expect(readRefusal(body ?? JSON.stringify(frame))).toBe(expected[name]);
});

test('a refusal says what to do', () => {
  expect(describeRefusal('proxy_attribution_required')).toEqual({
    cause: 'The gateway does not know the edge as its proxy',
    cure: `openclaw config set gateway.trustedProxies '["127.0.0.1","::1"]'`,
    next: 'stop',
  });
});

test.each([
  '',
  'x',
  '[]',
  '{}',
  '{"ok":true,"error":{"details":{"code":"PAIRING_REQUIRED"}}}',
  '{"error":"x"}',
])('%s is no refusal', (text) => {
  expect(readRefusal(text)).toBeUndefined();
});

test('names of object members are no codes, and no text makes it throw', () => {
  expect(readRefusal('{"error":{"details":{"code":"toString"},"type":"__proto__"}}')).toBeUndefined();
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(readRefusal(text)).toBeUndefined();
    }),
  );
});
