import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../../src/core/secret.ts';
import type { DnsProvider } from '../../src/dns/contract.ts';
import { openLookup } from '../../src/dns/lookup/lookup.ts';
import { type Rfc2136Options, openRfc2136 } from '../../src/dns/rfc2136/provider.ts';
import { openTxtPublisher } from '../../src/dns/txt-publisher.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { BIND_ZONE, Bind, type BindKey, FULL_KEY, IDLE_KEY, NARROW_KEY } from '../support/bind.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';

let bind: Bind;

beforeAll(async () => {
  bind = await Bind.start({ records: ['_acme-challenge.alias IN CNAME validation.example.test.'] });
});
afterAll(() => bind.stop());

const open = (key: BindKey, more: Partial<Rfc2136Options> = {}): DnsProvider =>
  openRfc2136({
    server: '127.0.0.1',
    address: '127.0.0.1',
    port: bind.port,
    zone: BIND_ZONE,
    keyName: key.name,
    keyAlgorithm: 'hmac-sha256',
    keySecret: new Secret(key.secret),
    ...more,
  });

const CHAT = `chat.${BIND_ZONE}`;
const WANTED = { name: CHAT, ttlSeconds: 300, data: { type: 'A', address: '203.0.113.5' } } as const;

test('a key for the whole zone is pointed out, a narrow one is not, and nothing is changed by asking', async () => {
  expect(await open(FULL_KEY).checkToken(CHAT)).toMatchObject({
    mayEditRecords: true,
    excess: [`The key full may change other names of ${BIND_ZONE} too.`],
  });
  expect(await open(NARROW_KEY).checkToken(CHAT)).toMatchObject({ mayEditRecords: true, excess: [] });
  expect(await open(IDLE_KEY).checkToken(CHAT)).toMatchObject({ mayEditRecords: false });
  for (const name of [`_postern.${CHAT}`, `postern-check.${BIND_ZONE}`]) {
    expect(await open(FULL_KEY).listRecords(name)).toEqual([]);
  }
});

test.each([
  ['a key that the server does not know', { name: 'nobody', secret: FULL_KEY.secret }],
  ['another secret', { name: FULL_KEY.name, secret: IDLE_KEY.secret }],
])('%s is refused, and the secret is not quoted', async (_, key) => {
  const provider = open(key);
  for (const refusal of [provider.checkToken(CHAT), provider.createRecord(WANTED)]) {
    await expect(refusal).rejects.toMatchObject({ code: 'DNS_TOKEN_REFUSED' });
    await expect(refusal).rejects.not.toMatchObject({ message: expect.stringContaining(key.secret) });
  }
});

test('a key that may not do this is told what to allow', async () => {
  await expect(open(IDLE_KEY).createRecord(WANTED)).rejects.toMatchObject({
    code: 'DNS_TOKEN_TOO_WEAK',
    remedy: expect.stringContaining('update-policy'),
  });
});

test('a name outside of the zone, and a zone that the server does not have', async () => {
  await expect(open(FULL_KEY).listRecords('chat.other.test')).rejects.toMatchObject({
    code: 'DNS_ZONE_UNKNOWN',
  });
  const stranger = open(FULL_KEY, { zone: 'unknown.test' });
  await expect(stranger.checkToken('chat.unknown.test')).rejects.toMatchObject({ code: 'DNS_ZONE_UNKNOWN' });
});

test('a server that is not there, and a program that is not there', async () => {
  await expect(open(FULL_KEY, { port: 1 }).listRecords(CHAT)).rejects.toMatchObject({
    code: 'DNS_UNREACHABLE',
  });
  await expect(open(FULL_KEY, { port: 1 }).checkToken(CHAT)).rejects.toMatchObject({
    code: 'DNS_UNREACHABLE',
  });
  await expect(open(FULL_KEY, { program: '/nowhere/nsupdate' }).checkToken(CHAT)).rejects.toMatchObject({
    code: 'DNS_NSUPDATE_MISSING',
  });
});

test.each([
  { keySecret: new Secret('not base64!') },
  { keySecret: new Secret('') },
  { server: '-option' },
  { server: 'a\nsend' },
  { keyAlgorithm: 'none' },
])('what could not stand in a script is refused before anything runs: %j', (more) => {
  expect(() => open(FULL_KEY, more)).toThrow(expect.objectContaining({ code: 'DNS_CONFIG_INCOMPLETE' }));
});

test('the secret is in no argument and no variable of any process while an update runs', async () => {
  const folder = makeTestFolder();
  const [program, marker] = [join(folder, 'nsupdate'), join(folder, 'seen')];
  // It writes down all that other users of the machine could see of it, then does the work.
  const look = `{ tr '\\0' ' ' </proc/$$/cmdline; tr '\\0' ' ' </proc/$$/environ; } >'${marker}'`;
  await writeFile(program, `#!/bin/sh\n${look}\nexec nsupdate "$@"\n`, { mode: 0o755 });
  vi.stubEnv('DNS_KEY', FULL_KEY.secret);
  try {
    await open(FULL_KEY, { program }).createRecord({ ...WANTED, name: `canary.${BIND_ZONE}` });
  } finally {
    vi.unstubAllEnvs();
  }
  const seen = await readFile(marker, 'utf8');
  expect(seen).toContain(program);
  expect(seen).not.toContain(FULL_KEY.secret);
  expect(await readdir(folder)).toHaveLength(2);
});

test('any text comes back from a real server as it went in, and never begins a command of its own', async () => {
  const provider = open(FULL_KEY);
  const hostile = fc.string({
    unit: fc.constantFrom(
      '"',
      '\\',
      ';',
      '\n',
      '\r',
      ' ',
      '$',
      '(',
      ')',
      '@',
      '.',
      'a',
      '0',
      'é',
      '\u0000',
      '\t',
    ),
  });
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(hostile, fc.string({ unit: 'binary', maxLength: 300 })), async (text) => {
      const name = `p${(count += 1)}.${BIND_ZONE}`;
      const data = { type: 'TXT', text: text.toWellFormed() } as const;
      await provider.createRecord({ name, ttlSeconds: 60, data });
      expect((await provider.listRecords(name)).map((record) => record.data)).toEqual([data]);
    }),
    { numRuns: 25 },
  );
});

test('any CAA value too', async () => {
  const provider = open(FULL_KEY);
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1, maxLength: 60 }), fc.nat(255), async (value, flags) => {
      const name = `c${(count += 1)}.${BIND_ZONE}`;
      const data = { type: 'CAA', flags, tag: 'issue', value } as const;
      await provider.createRecord({ name, ttlSeconds: 60, data });
      expect((await provider.listRecords(name)).map((record) => record.data)).toEqual([data]);
    }),
    { numRuns: 15 },
  );
});

test('challenges of DNS-01 stand beside each other, go one by one, and follow an alias', async () => {
  const lookup = openLookup({ resolver: bind.resolver, authorityPort: bind.port });
  const provider = open(FULL_KEY);
  const publisher = openTxtPublisher({
    provider,
    lookup,
    clock: systemClock,
    timeoutMs: 5000,
    intervalMs: 50,
  });
  const name = `_acme-challenge.alias.${BIND_ZONE}`;
  await publisher.publishTxt(name, 'one');
  await publisher.publishTxt(name, 'two');
  await publisher.publishTxt(name, 'two');
  const target = `validation.${BIND_ZONE}`;
  expect(await provider.listRecords(target)).toHaveLength(2);
  await publisher.removeTxt(name, 'one');
  await publisher.removeTxt(name, 'never there');
  expect((await provider.listRecords(target)).map(({ data }) => data)).toEqual([
    { type: 'TXT', text: 'two' },
  ]);
});

test('a challenge that was given up is not waited for', async () => {
  const lookup = openLookup({ resolver: bind.resolver, authorityPort: 1 });
  const publisher = openTxtPublisher({
    provider: open(FULL_KEY),
    lookup,
    clock: systemClock,
    intervalMs: 50,
  });
  const signal = AbortSignal.timeout(300);
  await expect(publisher.publishTxt(`_acme-challenge.${CHAT}`, 'x', signal)).rejects.toThrow(
    /timeout|aborted/,
  );
});
