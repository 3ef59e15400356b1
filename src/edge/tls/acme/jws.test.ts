import { createPublicKey, verify } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeKeyPem, parseAccountKey } from './account-key.ts';
import { type Jws, signRequest } from './jws.ts';

const key = parseAccountKey(makeKeyPem());
if (!key) throw new Error('no key was made');

const decode = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));

function holds(jws: Jws): boolean {
  const publicKey = createPublicKey({ key: { ...key?.jwk }, format: 'jwk' });
  const signed = Buffer.from(`${jws.protected}.${jws.payload}`);
  const signature = Buffer.from(jws.signature, 'base64url');
  return (
    signature.length === 64 &&
    verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
  );
}

test('whatever the payload is, the signature is over it, the nonce and the URL', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), fc.webUrl(), (payload, nonce, url) => {
      const jws = signRequest({ key, url, nonce, accountUrl: 'https://a.example/1', payload });
      expect(decode(jws.protected)).toEqual({ alg: 'ES256', kid: 'https://a.example/1', nonce, url });
      expect(decode(jws.payload)).toEqual(JSON.parse(JSON.stringify(payload)));
      expect(holds(jws)).toBe(true);
      expect(holds({ ...jws, payload: `${jws.payload}AA` })).toBe(false);
    }),
    { numRuns: 50 },
  );
});

test('a new account shows its key and no kid; a POST-as-GET has an empty payload, not an empty object', () => {
  const shown = signRequest({
    key,
    url: 'https://a.example/',
    nonce: 'n',
    accountUrl: undefined,
    payload: {},
  });
  expect(decode(shown.protected)).toEqual({
    alg: 'ES256',
    jwk: key.jwk,
    nonce: 'n',
    url: 'https://a.example/',
  });
  expect(decode(shown.payload)).toEqual({});
  const fetched = signRequest({
    key,
    url: 'https://a.example/',
    nonce: 'n',
    accountUrl: 'k',
    payload: undefined,
  });
  expect(fetched.payload).toBe('');
  expect(holds(fetched)).toBe(true);
});
