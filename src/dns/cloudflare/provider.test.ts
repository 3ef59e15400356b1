import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CloudflareServer, type CloudflareTestToken } from '../../../test/support/cloudflare.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import type { Clock } from '../../core/clock.ts';
import { Secret } from '../../core/secret.ts';
import { systemClock } from '../../platform/clock.ts';
import type { DnsProvider } from '../contract.ts';
import { openCloudflare } from './provider.ts';

const NAME = 'chat.example.com';
const WANTED = { name: NAME, ttlSeconds: 300, data: { type: 'A', address: '203.0.113.5' } } as const;

const TOKENS: readonly CloudflareTestToken[] = [
  {
    value: 'right',
    zones: ['example.com'],
    permissions: ['#dns_records:edit', '#dns_records:read', '#zone:read'],
  },
  { value: 'silent', zones: ['example.com'] },
  { value: 'reader', zones: ['example.com'], canEdit: false },
  {
    value: 'everything',
    zones: ['example.com', 'sub.example.com', 'example.net', 'example.org', 'example.edu'],
    permissions: ['#dns_records:edit', '#zone:edit', '#worker:edit', '#zone:read'],
    makesTokens: true,
    expiresOn: '2027-01-01T00:00:00Z',
  },
  { value: 'elsewhere', zones: ['example.net'] },
  { value: 'many', zones: Array.from({ length: 120 }, (_, index) => `z${index}.example`) },
];

let server: CloudflareServer;

beforeAll(async () => {
  const zones = [...new Set(TOKENS.flatMap((token) => token.zones))].map((name) => ({ name }));
  server = await CloudflareServer.start(zones, TOKENS);
});
afterAll(() => server.stop());
beforeEach(() => void server.requests.splice(0));

const open = (token: string, more: { clock?: Clock; zone?: string } = {}): DnsProvider =>
  openCloudflare({ clock: systemClock, url: server.url, ca: server.ca, ...more, token: new Secret(token) });

describe('what a token may do', () => {
  test.each(['right', 'silent'])('the token "%s" has what is needed and nothing more', async (token) => {
    expect(await open(token).checkToken(NAME)).toEqual({
      zone: 'example.com',
      mayEditRecords: true,
      excess: [],
      expiresMs: undefined,
    });
  });

  test('a token that only reads is found out without a change', async () => {
    expect(await open('reader').checkToken(NAME)).toMatchObject({ mayEditRecords: false });
    expect(server.records('example.com')).toEqual([]);
  });

  test('other zones, other permissions and the making of tokens are pointed out', async () => {
    const { excess, expiresMs, zone } = await open('everything').checkToken(`a.sub.example.com`);
    expect(zone).toBe('sub.example.com');
    expect(excess).toEqual([
      'It reaches other zones too: example.com, example.net, example.org and 1 more.',
      'In sub.example.com it may do more than edit records: #zone:edit, #worker:edit.',
      'It may read or make other API tokens of this account.',
    ]);
    expect(expiresMs).toBe(Date.UTC(2027, 0, 1));
  });

  test('every page of zones is read', async () => {
    const { excess } = await open('many').checkToken('chat.z5.example');
    expect(excess[0]).toMatch(/ and 116 more\.$/);
  });

  test.each([
    ['unknown', /Invalid access token \(9109\)/],
    ['mal formed', /Invalid format for Authorization header \(6111\)/],
  ])('the token "%s" is refused with its reason, and never shown', async (token, reason) => {
    const refusal = open(token).checkToken(NAME);
    await expect(refusal).rejects.toMatchObject({
      code: 'DNS_TOKEN_REFUSED',
      message: expect.stringMatching(reason),
    });
    await expect(refusal).rejects.not.toMatchObject({ message: expect.stringContaining(token) });
  });

  test('a token that sees no fitting zone is told so', async () => {
    await expect(open('elsewhere').listRecords(NAME)).rejects.toMatchObject({ code: 'DNS_ZONE_UNKNOWN' });
  });
});

describe('zones', () => {
  test('the longest suffix is the zone', async () => {
    await open('everything').createRecord({ ...WANTED, name: 'x.sub.example.com' });
    expect(server.records('sub.example.com')).toHaveLength(1);
  });

  test('the configuration may name another one', async () => {
    await open('everything', { zone: 'example.com' }).createRecord({ ...WANTED, name: 'y.sub.example.com' });
    expect(server.records('example.com').map(({ name }) => name)).toContain('y.sub.example.com');
  });
});

describe('records', () => {
  test('more records than a page holds are all listed', async () => {
    const name = 'many.example.com';
    for (let index = 0; index < 130; index += 1) {
      server.add('example.com', { type: 'TXT', name, content: `"value ${index}"` });
    }
    expect(await open('right').listRecords(name)).toHaveLength(130);
  });

  test('types that are not ours are left out', async () => {
    server.add('example.com', { type: 'MX', name: 'mail.example.com', content: 'mx.example.net' });
    expect(await open('right').listRecords('mail.example.com')).toEqual([]);
  });

  test('a TXT record without quotes, as older ones are, is read as it is', async () => {
    server.add('example.com', { type: 'TXT', name: 'old.example.com', content: 'v=spf1 -all' });
    expect((await open('right').listRecords('old.example.com'))[0]?.data).toEqual({
      type: 'TXT',
      text: 'v=spf1 -all',
    });
  });

  test('a record that may not be written is told with what the token lacks', async () => {
    await expect(open('reader').createRecord({ ...WANTED, name: 'r.example.com' })).rejects.toMatchObject({
      code: 'DNS_TOKEN_TOO_WEAK',
      remedy: expect.stringContaining('"Zone / DNS / Edit" for example.com'),
    });
  });

  test('a record that they refuse is told in their words, with the inner reason', async () => {
    await expect(
      open('right').createRecord({ ...WANTED, name: 't.example.com', ttlSeconds: 5 }),
    ).rejects.toMatchObject({
      code: 'DNS_RECORD_REFUSED',
      message: expect.stringContaining('Invalid TTL. (9021)'),
    });
  });

  test('a change that was cut off after it was stored is one record all the same', async () => {
    const provider = open('right');
    await provider.listRecords('cut.example.com');
    const record = { ...WANTED, name: 'cut.example.com' };
    await provider.createRecord(record);
    server.disturb('hang-up');
    await provider.createRecord(record);
    expect(server.records('example.com').filter(({ name }) => name === 'cut.example.com')).toHaveLength(1);
  });
});

describe('a busy or broken Cloudflare', () => {
  const tooMany = (seconds?: string) => ({
    status: 429,
    ...(seconds === undefined ? {} : { headers: { 'retry-after': seconds } }),
    body: '{"success":false,"errors":[{"code":10429,"message":"slow down"}],"messages":[],"result":null}',
  });

  test('Retry-After is kept: nothing is asked before it is over', async () => {
    const clock = new FakeClock();
    const provider = open('right', { clock });
    server.disturb(tooMany('7'));
    let isDone = false;
    const listing = provider.listRecords(NAME).then(() => (isDone = true));
    await expect.poll(() => server.requests.length).toBe(1);
    await clock.advanceAsync(6900, 100);
    expect(server.requests).toHaveLength(1);
    expect(isDone).toBe(false);
    await expect
      .poll(() => {
        clock.advance(200);
        return isDone;
      })
      .toBe(true);
    await listing;
    expect(server.requests.length).toBeGreaterThan(1);
  });

  test.each([
    ['300', 300],
    [undefined, 300],
    ['soon', 300],
  ])('who is told to wait %s is told so, and not kept waiting', async (header, seconds) => {
    server.disturb(tooMany(header));
    await expect(open('right').listRecords(NAME)).rejects.toMatchObject({
      code: 'DNS_RATE_LIMITED',
      details: { seconds },
    });
    expect(server.requests).toHaveLength(1);
  });

  test('a passing fault is not seen', async () => {
    server.disturb({ status: 502, body: '<html>' }, 'hang-up');
    expect(await open('right').listRecords('calm.example.com')).toEqual([]);
  });

  test('a lasting fault is', async () => {
    const clock = new FakeClock();
    server.disturb(...Array.from({ length: 4 }, () => ({ status: 500 })));
    const listing = open('right', { clock }).listRecords(NAME);
    const outcome = listing.catch((error: unknown) => error);
    await expect
      .poll(() => {
        clock.advance(5000);
        return server.requests.length;
      })
      .toBe(4);
    expect(await outcome).toMatchObject({ code: 'DNS_UNREACHABLE' });
  });

  test.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['no verdict', '{"result":[]}'],
    ['no list', '{"success":true,"result":{},"errors":[]}'],
    ['a zone without a name', '{"success":true,"result":[{"id":"00000000000000000000000000000000"}]}'],
    [
      'an identifier with a path in it',
      '{"success":true,"result":[{"id":"../../user","name":"chat.example.com"}]}',
    ],
  ])('%s is no answer', async (_, body) => {
    server.disturb({ status: 200, body });
    await expect(open('right').listRecords(NAME)).rejects.toMatchObject({ code: 'DNS_ANSWER_ODD' });
  });

  test('nobody is there', async () => {
    const clock = new FakeClock();
    const provider = openCloudflare({
      clock,
      token: new Secret('right'),
      url: 'https://localhost:1/client/v4',
    });
    let hasEnded = false;
    const outcome = provider.listRecords(NAME).catch((error: unknown) => {
      hasEnded = true;
      return error;
    });
    await expect
      .poll(() => {
        clock.advance(5000);
        return hasEnded;
      })
      .toBe(true);
    expect(await outcome).toMatchObject({ code: 'DNS_UNREACHABLE' });
  });
});

test('the token travels in a header alone', async () => {
  await open('right').listRecords(NAME);
  await open('right').checkToken(NAME);
  expect(server.requests.some(({ line, body }) => `${line}${body}`.includes('right'))).toBe(false);
});
