import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import type { HttpsAnswer, HttpsRequest } from '../../../platform/https-request.ts';
import { makeKeyPem, parseAccountKey, type AccountKey } from './account-key.ts';
import { AcmeClient } from './client.ts';

const DIRECTORY = {
  newNonce: 'https://a.example/nonce',
  newAccount: 'https://a.example/account',
  newOrder: 'https://a.example/order',
};
const accountKey = parseAccountKey(makeKeyPem()) as AccountKey;

const answer = (status: number, body: object, headers: Record<string, string> = {}): HttpsAnswer => ({
  ok: true,
  status,
  headers,
  body: JSON.stringify(body),
});
const problem = (type: string): object => ({ type: `urn:ietf:params:acme:error:${type}`, detail: 'no' });

/** A client whose POSTs are answered by `reply`; each answer brings the nonces `n1`, `n2`, … */
function clientOf(reply: (posts: number) => HttpsAnswer): {
  client: AcmeClient;
  nonces: string[];
  heads: () => number;
} {
  const nonces: string[] = [];
  let [count, heads] = [0, 0];
  const send = (request: HttpsRequest): Promise<HttpsAnswer> => {
    const nonce = { 'replay-nonce': `n${++count}` };
    if (request.method === 'GET') return Promise.resolve(answer(200, DIRECTORY));
    if (request.method === 'HEAD') {
      heads++;
      return Promise.resolve(answer(200, {}, nonce));
    }
    const { protected: head } = JSON.parse(request.body ?? '') as { protected: string };
    nonces.push((JSON.parse(Buffer.from(head, 'base64url').toString()) as { nonce: string }).nonce);
    const given = reply(nonces.length);
    return Promise.resolve(given.ok ? { ...given, headers: { ...nonce, ...given.headers } } : given);
  };
  const options = { directoryUrl: 'https://a.example/', accountKey, ca: undefined, userAgent: 'x', send };
  const client = new AcmeClient({ ...options, clock: new FakeClock() });
  return { client, nonces, heads: () => heads };
}

test('a refused nonce is replaced by that of the refusal, and no nonce is used twice', async () => {
  const { client, nonces, heads } = clientOf((posts) =>
    posts % 3 === 0 ? answer(200, {}) : answer(400, problem('badNonce')),
  );
  await client.post('https://a.example/order', {}, 'kid');
  await client.post('https://a.example/order', {}, 'kid');
  expect(nonces).toHaveLength(6);
  expect(new Set(nonces).size).toBe(6);
  expect(heads()).toBe(1);
});

test('nonces that are refused for ever come to an end', async () => {
  const { client, nonces } = clientOf(() => answer(400, problem('badNonce')));
  await expect(client.post('https://a.example/order', {}, 'kid')).rejects.toMatchObject({
    code: 'ACME_REFUSED',
  });
  expect(nonces).toHaveLength(21);
});

test.each([
  ['a refusal', answer(403, problem('unauthorized')), 'ACME_REFUSED'],
  ['a limit', answer(429, problem('rateLimited'), { 'retry-after': '60' }), 'ACME_RATE_LIMITED'],
  ['a broken server', answer(503, {}), 'ACME_UNREACHABLE'],
  [
    'a redirect, which RFC 8555 has none of',
    answer(302, {}, { location: 'https://b.example' }),
    'ACME_ANSWER_ODD',
  ],
  ['nobody', { ok: false, reason: 'ECONNREFUSED' } as const, 'ACME_UNREACHABLE'],
])('%s is an error and is not asked again', async (_what, given, code) => {
  const { client, nonces } = clientOf(() => given);
  await expect(client.post('https://a.example/order', {}, 'kid')).rejects.toMatchObject({ code });
  expect(nonces).toHaveLength(1);
});

test('a page that is no directory is told as such', async () => {
  const send = (): Promise<HttpsAnswer> =>
    Promise.resolve({ ok: true, status: 200, headers: {}, body: '<html>' });
  const options = { directoryUrl: 'https://a.example/', accountKey, ca: undefined, userAgent: 'x', send };
  const client = new AcmeClient({ ...options, clock: new FakeClock() });
  await expect(client.directory()).rejects.toMatchObject({ code: 'ACME_ANSWER_ODD' });
});
