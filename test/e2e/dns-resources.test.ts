import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { buildCaaRecords } from '../../src/dns/caa/records.ts';
import { awaitCaaBinding, judgeCaaStanding } from '../../src/dns/caa/standing.ts';
import { openCloudflare } from '../../src/dns/cloudflare/provider.ts';
import type { DnsProvider } from '../../src/dns/contract.ts';
import { type Lookup, openLookup } from '../../src/dns/lookup/lookup.ts';
import { openManual } from '../../src/dns/manual.ts';
import { renderData } from '../../src/dns/record-data.ts';
import { openRfc2136 } from '../../src/dns/rfc2136/provider.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type DnsCatalogueOptions, dnsCatalogue } from '../../src/provision/resources/dns.ts';
import { BIND_ZONE, Bind, FULL_KEY } from '../support/bind.ts';
import { CloudflareServer } from '../support/cloudflare.ts';
import { DnsWorld } from '../support/dns-world.ts';

const BINDING = { issuer: 'letsencrypt.org', accountUri: 'https://ca.example/acct/1' };
const ADDRESSES = ['203.0.113.5', '2001:db8::5'];
const WAITS = { providerMs: 5000, personMs: 10_000, intervalMs: 50 };

let bind: Bind;
let lookup: Lookup;
let count = 0;
const freshName = (): string => `s${(count += 1)}.${BIND_ZONE}`;

beforeAll(async () => {
  bind = await Bind.start();
  lookup = openLookup({ resolver: bind.resolver, authorityPort: bind.port });
});

afterAll(() => bind.stop());

const provider = (): DnsProvider =>
  openRfc2136({
    server: '127.0.0.1',
    address: '127.0.0.1',
    port: bind.port,
    zone: BIND_ZONE,
    keyName: FULL_KEY.name,
    keyAlgorithm: 'hmac-sha256',
    keySecret: new Secret(FULL_KEY.secret),
  });

/** What the configuration wants for one name. */
function wish(name: string, more: Partial<DnsCatalogueOptions> = {}): DnsCatalogueOptions {
  return {
    home: 'mac',
    provider: provider(),
    lookup,
    names: [name],
    addresses: ADDRESSES,
    binding: BINDING,
    nowMs: systemClock.nowMs(),
    waits: WAITS,
    ...more,
  };
}

/** Everything that is there of a name and below `_postern`, as text. */
async function seen(name: string): Promise<readonly string[]> {
  const records = await Promise.all([name, `_postern.${name}`].map((one) => provider().listRecords(one)));
  return records
    .flat()
    .map((record) => `${record.name} ${renderData(record.data)}`)
    .toSorted();
}

const byHand = (...lines: readonly string[]): Promise<void> => bind.update([`zone ${BIND_ZONE}`, ...lines]);

describe('a name in a real BIND', () => {
  test('apply makes addresses, CAA and marks; a second plan is empty; destroy leaves nothing', async () => {
    const name = freshName();
    const world = new DnsWorld().use(dnsCatalogue(wish(name)));
    const plan = await world.apply();
    expect(plan.changes.map(({ resource, action }) => `${action} ${resource}`)).toEqual([
      `create dns-caa:${name}`,
      `create dns-address:${name}`,
    ]);
    const there = await seen(name);
    expect(there).toEqual(
      expect.arrayContaining([
        `${name} A 203.0.113.5`,
        `${name} AAAA 2001:db8::5`,
        `${name} CAA 0 issue "letsencrypt.org; accounturi=https://ca.example/acct/1; validationmethods=tls-alpn-01"`,
        `${name} CAA 0 issuewild ";"`,
      ]),
    );
    expect(there.filter((line) => line.includes('postern home=mac'))).toHaveLength(4);
    expect(await world.plan()).toMatchObject({ changes: [], blocked: [], used: [] });
    await world.destroy();
    expect(await seen(name)).toEqual([]);
  });

  test('another address of the relay replaces the old one, and undo brings it back', async () => {
    const name = freshName();
    const world = new DnsWorld().use(dnsCatalogue(wish(name)));
    await world.apply();
    const before = await seen(name);
    await world.use(dnsCatalogue(wish(name, { addresses: ['203.0.113.9'] }))).apply();
    expect(await seen(name)).toContain(`${name} A 203.0.113.9`);
    expect(await seen(name)).not.toContain(`${name} AAAA 2001:db8::5`);
    await world.undo();
    expect(await seen(name)).toEqual(before);
  });

  test("somebody else's address is never replaced; the plan says how to adopt it, and destroy puts it back", async () => {
    const name = freshName();
    await byHand(`update add ${name}. 77 A 198.51.100.1`);
    const world = new DnsWorld().use(dnsCatalogue(wish(name, { binding: undefined })));
    const plan = await world.plan();
    expect(plan.changes).toEqual([]);
    expect(plan.blocked[0]?.obstacles[0]?.lines.join('\n')).toContain(
      `postern apply --adopt dns-address:${name}`,
    );
    await expect(world.apply()).rejects.toMatchObject({ code: 'PROVISION_BLOCKED' });
    expect(await seen(name)).toEqual([`${name} A 198.51.100.1`]);
    await world.apply(`dns-address:${name}`);
    expect(await seen(name)).not.toContain(`${name} A 198.51.100.1`);
    await world.destroy();
    expect(await seen(name)).toEqual([`${name} A 198.51.100.1`]);
    expect((await provider().listRecords(name))[0]?.ttlSeconds).toBe(77);
  });

  test('an equal address of somebody else is used, not marked, and not destroyed', async () => {
    const name = freshName();
    await byHand(`update add ${name}. 60 A 203.0.113.5`, `update add ${name}. 60 AAAA 2001:DB8::5`);
    const world = new DnsWorld().use(dnsCatalogue(wish(name, { binding: undefined })));
    expect((await world.apply()).used.map(({ resource }) => resource)).toEqual([`dns-address:${name}`]);
    await world.destroy();
    expect(await seen(name)).toEqual([`${name} A 203.0.113.5`, `${name} AAAA 2001:db8::5`]);
  });

  test('a record that somebody added beside ours, or put in the place of ours, is not ours', async () => {
    const name = freshName();
    const world = new DnsWorld().use(dnsCatalogue(wish(name, { binding: undefined })));
    await world.apply();
    await byHand(`update add ${name}. 60 A 198.51.100.1`);
    expect((await world.plan()).blocked).toHaveLength(1);
    await byHand(`update delete ${name}. A 203.0.113.5`);
    expect((await world.plan()).blocked).toHaveLength(1);
  });

  test('the mark of another home is named, and kept', async () => {
    const name = freshName();
    await new DnsWorld().use(dnsCatalogue(wish(name, { home: 'nas', addresses: ['198.51.100.1'] }))).apply();
    const before = await seen(name);
    const world = new DnsWorld().use(dnsCatalogue(wish(name)));
    const plan = await world.plan();
    expect(plan.blocked.map(({ obstacles }) => obstacles[0]?.sentence).join()).toContain('the home nas');
    await world.destroy();
    expect(await seen(name)).toEqual(before);
  });

  test('an alias to the relay is used; its CAA cannot be carried, and that is told', async () => {
    const [name, target] = [freshName(), freshName()];
    await byHand(
      ...[
        `${target}. 60 A 203.0.113.5`,
        `${target}. 60 AAAA 2001:db8::5`,
        `${name}. 60 CNAME ${target}.`,
      ].map((line) => `update add ${line}`),
    );
    const world = new DnsWorld().use(dnsCatalogue(wish(name)));
    const plan = await world.apply();
    expect(plan.used).toHaveLength(2);
    expect(plan.notes.join('\n')).toMatch(
      /cannot carry CAA records: the relay could have a certificate issued/,
    );
    expect(await seen(name)).toEqual([`${name} CNAME ${target}.`]);
  });

  test('an alias to somewhere else is told, adopted in one update, and put back by undo', async () => {
    const name = freshName();
    await byHand(`update add ${name}. 300 CNAME old.other.test.`);
    const world = new DnsWorld().use(dnsCatalogue(wish(name, { binding: undefined })));
    expect((await world.plan()).blocked[0]?.obstacles[0]?.sentence).toContain(
      'is an alias of old.other.test',
    );
    await world.apply(`dns-address:${name}`);
    expect(await seen(name)).toContain(`${name} AAAA 2001:db8::5`);
    await world.undo();
    expect(await seen(name)).toEqual([`${name} CNAME old.other.test.`]);
  });

  test('iodef records of others stay; every other CAA record of others blocks', async () => {
    const name = freshName();
    await byHand(`update add ${name}. 60 CAA 0 iodef "mailto:me@example.test"`);
    const world = new DnsWorld().use(dnsCatalogue(wish(name)));
    await world.apply();
    await world.destroy();
    expect(await seen(name)).toEqual([`${name} CAA 0 iodef "mailto:me@example.test"`]);
    await byHand(`update add ${name}. 60 CAA 0 issue "other.example"`);
    expect((await world.plan()).blocked.map(({ resource }) => resource)).toEqual([`dns-caa:${name}`]);
  });

  test('a name that the configuration does not want any more is taken back', async () => {
    const [kept, gone] = [freshName(), freshName()];
    const world = new DnsWorld().use(dnsCatalogue(wish(kept, { names: [kept, gone] })));
    await world.apply();
    const plan = await world.use(dnsCatalogue(wish(kept))).apply();
    expect(plan.changes.map(({ action, resource }) => `${action} ${resource}`)).toEqual([
      `remove dns-address:${gone}`,
      `remove dns-caa:${gone}`,
    ]);
    expect(await seen(gone)).toEqual([]);
    expect(await seen(kept)).not.toEqual([]);
  });

  test('a crash after the marks, or after one of two records, is made good by the next apply', async () => {
    const name = freshName();
    const whole = new DnsWorld().use(dnsCatalogue(wish(name, { binding: undefined })));
    await whole.apply();
    await byHand(`update delete ${name}.`);
    expect((await whole.plan()).changes).toHaveLength(1);
    await whole.apply();
    await byHand(`update delete ${name}. AAAA`);
    await whole.apply();
    expect(await seen(name)).toContain(`${name} AAAA 2001:db8::5`);
    expect((await whole.plan()).changes).toEqual([]);
  });
});

describe('CAA as the world sees it', () => {
  test('bound after apply; open without records; refused when another account is named', async () => {
    const name = freshName();
    expect(await judgeCaaStanding(lookup, name, BINDING)).toMatchObject({ kind: 'open' });
    await new DnsWorld().use(dnsCatalogue(wish(name))).apply();
    const options = { lookup, clock: systemClock, timeoutMs: 400, intervalMs: 50 };
    expect(await awaitCaaBinding(name, BINDING, options)).toMatchObject({ kind: 'bound' });
    const other = { ...BINDING, accountUri: 'https://ca.example/acct/2' };
    expect(await judgeCaaStanding(lookup, name, other)).toMatchObject({ kind: 'refused' });
    await expect(awaitCaaBinding(name, other, options)).rejects.toMatchObject({ code: 'DNS_NOT_VISIBLE' });
  });

  test('a record that somebody added beside ours opens the name again', async () => {
    const name = freshName();
    await new DnsWorld().use(dnsCatalogue(wish(name))).apply();
    await byHand(`update add ${name}. 60 CAA 0 issue "other.example"`);
    expect(await judgeCaaStanding(lookup, name, BINDING)).toMatchObject({ kind: 'open' });
  });

  test('records above the name count, climbed to through names that have none', async () => {
    const [parent] = [freshName()];
    await byHand(`update add ${parent}. 60 CAA 0 issue "other.example"`);
    expect(await judgeCaaStanding(lookup, `a.b.${parent}`, BINDING)).toMatchObject({ kind: 'refused' });
  });
});

describe('two servers of which one is behind', () => {
  let two: Bind;
  let lookupOfTwo: Lookup;
  beforeAll(async () => {
    two = await Bind.start({ addresses: ['127.0.0.1', '::1'], isSigned: true });
    lookupOfTwo = openLookup({ resolver: two.resolver, authorityPort: two.port });
  });
  afterAll(() => two.stop());

  test('nothing counts before the last one shows it, and the one that is behind is named', async () => {
    const name = freshName();
    const [record] = buildCaaRecords(BINDING);
    const line = `update add ${name}. 60 ${record ? renderData(record) : ''}`;
    const wildcard = `update add ${name}. 60 CAA 0 issuewild ";"`;
    await two.update([`zone ${BIND_ZONE}`, line, wildcard]);
    const waiting = { lookup: lookupOfTwo, clock: systemClock, timeoutMs: 300, intervalMs: 50 };
    await expect(awaitCaaBinding(name, BINDING, waiting)).rejects.toMatchObject({
      code: 'DNS_NOT_VISIBLE',
      message: expect.stringContaining('ns2.example.test (nothing)'),
    });
    expect(await judgeCaaStanding(lookupOfTwo, name, BINDING)).toMatchObject({ kind: 'refused' });
    const late = awaitCaaBinding(name, BINDING, { ...waiting, timeoutMs: 5000 });
    await two.update([`zone ${BIND_ZONE}`, line, wildcard], '::1');
    expect(await late).toMatchObject({ kind: 'bound' });
  });

  test('a signed delegation is seen, an unsigned one too, and what is not known is not guessed', async () => {
    expect(await lookupOfTwo.isSigned(BIND_ZONE)).toBe(true);
    expect(await lookup.isSigned(BIND_ZONE)).toBe(false);
    expect(await lookup.isSigned('not-served.invalid')).toBeUndefined();
  });

  test('a server that is silent is not taken for one that shows it', async () => {
    const name = freshName();
    const records = buildCaaRecords(BINDING);
    const lines = records.map((record) => `update add ${name}. 60 ${renderData(record)}`);
    await two.update([`zone ${BIND_ZONE}`, ...lines]);
    await two.stopServer('::1');
    const waiting = { lookup: lookupOfTwo, clock: systemClock, timeoutMs: 100, intervalMs: 50 };
    await expect(awaitCaaBinding(name, BINDING, waiting)).rejects.toMatchObject({
      message: expect.stringContaining('ns2.example.test (E'),
    });
  });
});

describe('a person sets the records', () => {
  test('apply tells them, waits until they are at the servers, and is done', async () => {
    const name = freshName();
    const told: string[] = [];
    const person = openManual({
      lookup,
      announce: (lines) => {
        told.push(...lines);
        void byHand(...lines.slice(1).map((line) => `update add ${line.trim()}`));
      },
    });
    const world = new DnsWorld().use(dnsCatalogue(wish(name, { provider: person })));
    const plan = await world.apply();
    expect(plan.changes.map(({ resource }) => resource)).toEqual([`dns-address:${name}`]);
    expect(told).toContain(`  ${name}.  300  IN  A  203.0.113.5`);
    expect(await world.plan()).toMatchObject({ changes: [], blocked: [] });
  });

  test('who does nothing is told what is missing where, and nothing is marked', async () => {
    const name = freshName();
    const idle = openManual({ lookup, announce: () => {} });
    const world = new DnsWorld().use(
      dnsCatalogue(wish(name, { provider: idle, waits: { personMs: 150, intervalMs: 50 } })),
    );
    await expect(world.apply()).rejects.toMatchObject({
      code: 'DNS_NOT_VISIBLE',
      message: expect.stringContaining('ns1.example.test (nothing)'),
    });
    expect(await seen(name)).toEqual([]);
  });
});

describe('at Cloudflare', () => {
  let server: CloudflareServer;
  let cloudflare: DnsProvider;
  /** The world sees what Cloudflare holds. */
  const mirror: Lookup = {
    findAuthorities: () => Promise.resolve({ zone: BIND_ZONE, servers: [], lost: [] }),
    askAuthorities: async (_, name, type) => {
      const records = (await cloudflare.listRecords(name)).filter(({ data }) => data.type === type);
      const answer = records.length === 0 ? { kind: 'none' as const } : { kind: 'records' as const, records };
      return [{ server: 'ns.cloudflare.test', answer }];
    },
    askResolver: () => Promise.resolve({ kind: 'none' }),
    isSigned: () => Promise.resolve(true),
  };

  beforeAll(async () => {
    server = await CloudflareServer.start([{ name: BIND_ZONE }], [{ value: 'token', zones: [BIND_ZONE] }]);
    cloudflare = openCloudflare({
      url: server.url,
      ca: server.ca,
      token: new Secret('token'),
      clock: systemClock,
    });
  });
  afterAll(() => server.stop());

  const wishAt = (name: string, more: Partial<DnsCatalogueOptions> = {}): DnsCatalogueOptions =>
    wish(name, { provider: cloudflare, lookup: mirror, ...more });
  const heldOf = (name: string) =>
    server.records(BIND_ZONE).filter((record) => record.name === name || record.name === `_postern.${name}`);

  test('records are never proxied, carry our comment, and go without a trace', async () => {
    const name = freshName();
    const world = new DnsWorld().use(dnsCatalogue(wishAt(name)));
    await world.apply();
    expect(heldOf(name)).toHaveLength(8);
    expect(heldOf(name).every(({ proxied, comment }) => !proxied && comment === 'postern:mac')).toBe(true);
    expect((await world.plan()).changes).toEqual([]);
    await world.destroy();
    expect(heldOf(name)).toEqual([]);
  });

  test('a proxied record is explained; adopted it is switched off, and undo switches it on again', async () => {
    const name = freshName();
    server.add(BIND_ZONE, { type: 'A', name, content: '203.0.113.5', proxied: true, comment: 'mine' });
    const world = new DnsWorld().use(
      dnsCatalogue(wishAt(name, { addresses: ['203.0.113.5'], binding: undefined })),
    );
    expect((await world.plan()).blocked[0]?.obstacles[0]?.sentence).toMatch(
      /proxied by Cloudflare \(orange cloud\)/,
    );
    await world.apply(`dns-address:${name}`);
    expect(heldOf(name).find(({ type }) => type === 'A')).toMatchObject({
      proxied: false,
      comment: 'postern:mac',
    });
    await world.undo();
    expect(heldOf(name)).toMatchObject([
      { type: 'A', content: '203.0.113.5', proxied: true, comment: 'mine' },
    ]);
  });

  test('a record whose comment somebody changed is not ours any more', async () => {
    const name = freshName();
    const world = new DnsWorld().use(
      dnsCatalogue(wishAt(name, { addresses: ['203.0.113.5'], binding: undefined })),
    );
    await world.apply();
    const [record] = await cloudflare.listRecords(name);
    if (!record) throw new Error('no record');
    await cloudflare.updateRecord(record, record, 'taken over by hand');
    world.use(dnsCatalogue(wishAt(name, { addresses: ['203.0.113.6'], binding: undefined })));
    expect((await world.plan()).blocked).toHaveLength(1);
  });
});
