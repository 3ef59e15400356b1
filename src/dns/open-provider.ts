import type { Config } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { Secret } from '../core/secret.ts';
import { canonicalIpv6, isIpv4 } from './addresses.ts';
import { openCloudflare } from './cloudflare/provider.ts';
import type { DnsProvider } from './contract.ts';
import type { Lookup } from './lookup/lookup.ts';
import { openManual } from './manual.ts';
import { openRfc2136 } from './rfc2136/provider.ts';

export type DnsConfig = NonNullable<Config['dns']>;

export interface OpenProviderOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  /** Where `env:` references look. */
  readonly env: NodeJS.ProcessEnv;
  /** Shows a person what to do: for `manual`. */
  readonly announce: (lines: readonly string[]) => void;
  /** Cloudflare's interface, for tests. */
  readonly cloudflare?: { readonly url: string; readonly ca: string };
}

/**
 * The provider that the configuration names; without one, a person sets the records.
 * @throws DNS_CONFIG_INCOMPLETE, CONFIG_SECRET_UNRESOLVED, DNS_LOOKUP_FAILED
 */
export async function openProvider(
  config: DnsConfig | undefined,
  options: OpenProviderOptions,
): Promise<DnsProvider> {
  const { provider = 'manual' } = config ?? {};
  if (config === undefined || provider === 'manual') return openManual(options);
  const token = await resolveToken(config, options.env);
  if (provider === 'cloudflare') {
    return openCloudflare({ ...options.cloudflare, token, clock: options.clock, zone: config.zone });
  }
  const server = need(config, 'server', config.server);
  return openRfc2136({
    server,
    address: await addressOf(server, options.lookup),
    port: config.port,
    zone: need(config, 'zone', config.zone),
    keyName: need(config, 'keyName', config.keyName),
    keyAlgorithm: config.keyAlgorithm,
    keySecret: token,
  });
}

function resolveToken(config: DnsConfig, env: NodeJS.ProcessEnv): Promise<Secret> {
  return need(config, 'token', config.token).resolve(env);
}

function need<T>({ provider }: DnsConfig, key: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new PosternError('DNS_CONFIG_INCOMPLETE', { provider, missing: `\`dns.${key}\`` });
}

/** Node's resolver is told its server by address. */
async function addressOf(server: string, lookup: Lookup): Promise<string> {
  if (isIpv4(server)) return server;
  const literal = canonicalIpv6(server);
  if (literal !== undefined) return literal;
  for (const type of ['A', 'AAAA'] as const) {
    const answer = await lookup.askResolver(server, type);
    const data = answer.kind === 'records' ? answer.records[0]?.data : undefined;
    if (data !== undefined && 'address' in data) return data.address;
  }
  throw new PosternError('DNS_LOOKUP_FAILED', { name: server, reason: 'it has no address' });
}
