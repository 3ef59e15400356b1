import { afterAll, beforeAll } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { openCloudflare } from '../../src/dns/cloudflare/provider.ts';
import type { DnsProvider } from '../../src/dns/contract.ts';
import { openLookup } from '../../src/dns/lookup/lookup.ts';
import { openManual } from '../../src/dns/manual.ts';
import { openRfc2136 } from '../../src/dns/rfc2136/provider.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { BIND_ZONE, Bind, FULL_KEY } from '../support/bind.ts';
import { CloudflareServer } from '../support/cloudflare.ts';
import { describeProviderContract } from '../support/dns-provider-contract.ts';

const TOKEN = 'canary-of-the-token-0123456789';

let bind: Bind;
let cloudflare: CloudflareServer;
let cloudflareProvider: DnsProvider;

beforeAll(async () => {
  bind = await Bind.start();
  cloudflare = await CloudflareServer.start([{ name: BIND_ZONE }], [{ value: TOKEN, zones: [BIND_ZONE] }]);
  const { url, ca } = cloudflare;
  cloudflareProvider = openCloudflare({ token: new Secret(TOKEN), clock: systemClock, url, ca });
});

afterAll(async () => {
  await bind.stop();
  await cloudflare.stop();
});

const rfc2136 = (): DnsProvider =>
  openRfc2136({
    server: '127.0.0.1',
    address: '127.0.0.1',
    port: bind.port,
    zone: BIND_ZONE,
    keyName: FULL_KEY.name,
    keyAlgorithm: 'hmac-sha256',
    keySecret: new Secret(FULL_KEY.secret),
  });

const clearInBind = (name: string): Promise<void> =>
  bind.update([`zone ${BIND_ZONE}`, `update delete ${name}.`]);
const nothingToSettle = (): Promise<void> => Promise.resolve();

describeProviderContract('Cloudflare', () => ({
  provider: cloudflareProvider,
  zone: BIND_ZONE,
  secret: TOKEN,
  settle: nothingToSettle,
  clear: async (name) => {
    const records = await cloudflareProvider.listRecords(name);
    for (const record of records) await cloudflareProvider.deleteRecord(record);
  },
}));

describeProviderContract('RFC 2136, a real BIND', () => ({
  provider: rfc2136(),
  zone: BIND_ZONE,
  secret: FULL_KEY.secret,
  settle: nothingToSettle,
  clear: clearInBind,
}));

/** A person who does what the lines say, letter by letter, at their provider: here with nsupdate. */
const pending: string[][] = [];
function follow(lines: readonly string[]): void {
  const records = lines.slice(1).map((line) => line.trim().replace(/^(?:from|to) +/, ''));
  const remove = (record: string): string => `update delete ${record.replace(/ {2}\d+ {2}IN/, ' IN')}`;
  const [first = '', second = ''] = records;
  if (lines[0]?.startsWith('Add')) pending.push([`update add ${first}`]);
  if (lines[0]?.startsWith('Change')) pending.push([remove(first), `update add ${second}`]);
  if (lines[0]?.startsWith('Remove')) pending.push([remove(first)]);
}

describeProviderContract('a person', () => ({
  provider: openManual({
    lookup: openLookup({ resolver: bind.resolver, authorityPort: bind.port }),
    announce: follow,
  }),
  zone: BIND_ZONE,
  secret: FULL_KEY.secret,
  settle: async () => {
    for (const lines of pending.splice(0)) await bind.update([`zone ${BIND_ZONE}`, ...lines]);
  },
  clear: clearInBind,
}));
