import { expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { systemClock } from '../platform/clock.ts';
import type { DnsProvider } from './contract.ts';
import { openLookup } from './lookup/lookup.ts';
import { openProvider } from './open-provider.ts';

const HEAD = `home: mac
relay: { host: vps.example.com }
services:
  - { name: chat.example.com, to: "http://127.0.0.1:18789" }
`;

/** The provider of a configuration with this `dns:`, or the problems of the configuration. */
function open(dns: string, env: NodeJS.ProcessEnv = {}): Promise<DnsProvider> {
  const parsed = parseConfig(`${HEAD}${dns}`);
  if (parsed.kind !== 'config') return Promise.reject(new Error(JSON.stringify(parsed.problems)));
  const lookup = openLookup({
    query: (name, type) =>
      Promise.resolve(
        name === 'ns.example.com' && type === 'AAAA'
          ? { kind: 'records', records: [{ address: '2001:db8::53', ttl: 60 }] }
          : { kind: 'none' },
      ),
  });
  return openProvider(parsed.config.dns, { lookup, clock: systemClock, env, announce: () => {} });
}

const RFC2136 = 'provider: rfc2136, token: "env:KEY", zone: example.com, keyName: postern.';
const ENV = { KEY: 'c2VjcmV0IQ==' };

test.each([
  ['', 'you (dns.provider: manual)'],
  ['dns: { provider: manual }', 'you (dns.provider: manual)'],
  ['dns: { provider: cloudflare, token: "env:KEY" }', 'Cloudflare'],
  [`dns: { ${RFC2136}, server: 192.0.2.53 }`, '192.0.2.53 (RFC 2136)'],
  [`dns: { ${RFC2136}, server: "2001:db8::53" }`, '2001:db8::53 (RFC 2136)'],
  [`dns: { ${RFC2136}, server: ns.example.com }`, 'ns.example.com (RFC 2136)'],
])('%j is held by %s', async (dns, holder) => {
  expect((await open(dns, ENV)).describe()).toBe(holder);
});

test.each([
  ['dns: { provider: cloudflare }', /needs it/],
  ['dns: { provider: rfc2136, token: "env:KEY" }', /needs it/],
  [`dns: { ${RFC2136}, server: 192.0.2.53, port: 0 }`, /port/],
  [`dns: { ${RFC2136}, server: "-v" }`, /host name or an address/],
  [`dns: { ${RFC2136}, server: 192.0.2.53, keyAlgorithm: none }`, /hmac-sha256/],
  ['dns: { provider: route53 }', /cloudflare/],
])('%j is a mistake', async (dns, reason) => {
  await expect(open(dns, ENV)).rejects.toThrow(reason);
});

test('a secret that cannot be had stops it', async () => {
  await expect(open('dns: { provider: cloudflare, token: "env:KEY" }')).rejects.toMatchObject({
    code: 'CONFIG_SECRET_UNRESOLVED',
  });
});

test('a server without an address stops it', async () => {
  await expect(open(`dns: { ${RFC2136}, server: gone.example.com }`, ENV)).rejects.toMatchObject({
    code: 'DNS_LOOKUP_FAILED',
  });
});
