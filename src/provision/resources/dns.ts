import type { CaaBinding } from '../../dns/caa/records.ts';
import type { DnsProvider } from '../../dns/contract.ts';
import type { Lookup } from '../../dns/lookup/lookup.ts';
import { parseName } from '../../dns/names.ts';
import type { Catalogue, Resource } from '../contract.ts';
import { dnsAddressResource } from './dns-address.ts';
import { dnsCaaResource } from './dns-caa.ts';
import type { DnsWaits } from './dns-record-set.ts';

export interface DnsCatalogueOptions {
  readonly home: string;
  readonly provider: DnsProvider;
  readonly lookup: Lookup;
  /** The published names. */
  readonly names: readonly string[];
  /** The relay's addresses, IPv4 and IPv6. */
  readonly addresses: readonly string[];
  /**
   * The account to which names are bound. Without one there are no CAA records yet: the account comes first. A person's
   * records are not part of the plan either: they are told of them as a second step (`renderCaaAdvice`).
   */
  readonly binding?: CaaBinding | undefined;
  /** Names whose CAA is not ours to decide: those of `tls: relay`. */
  readonly unbound?: readonly string[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly waits?: DnsWaits;
}

/** Everything that the configuration wants in the DNS, and what it does not want any more. Pure. */
export function dnsCatalogue(options: DnsCatalogueOptions): Catalogue {
  const { names, addresses, binding, provider, unbound = [] } = options;
  const bound =
    binding === undefined || provider.isManual ? [] : names.filter((name) => !unbound.includes(name));
  const resources = [
    ...names.map((name) => dnsAddressResource({ ...options, name, addresses })),
    ...bound.map((name) => dnsCaaResource({ ...options, name, binding })),
  ];
  return { resources, revive: (id) => resources.find((one) => one.id === id) ?? revive(options, id) };
}

/** A resource of an earlier configuration, only to take it back. */
function revive(options: DnsCatalogueOptions, id: string): Resource | undefined {
  const match = /^dns-(address|caa):(.+)$/.exec(id);
  const name = parseName(match?.[2]);
  if (!match || name === undefined) return undefined;
  return match[1] === 'address'
    ? dnsAddressResource({ ...options, name, addresses: [] })
    : dnsCaaResource({ ...options, name, binding: undefined });
}
