import type { RecordData, StoredRecord } from '../../dns/contract.ts';
import { addressData, areSameSets } from '../../dns/record-data.ts';
import type { Resource, ResourceId } from '../contract.ts';
import { dnsCaaId } from './dns-caa.ts';
import { type RecordSetOptions, recordSetResource } from './dns-record-set.ts';

export interface DnsAddressOptions extends Omit<RecordSetOptions, 'set'> {
  /** The relay's addresses, IPv4 and IPv6; empty only to take an earlier resource away. */
  readonly addresses: readonly string[];
}

export const dnsAddressId = (name: string): ResourceId => `dns-address:${name}`;

/** A and AAAA of a name: they lead visitors to the relay. An alias that leads there too is left as it is. */
export function dnsAddressResource(options: DnsAddressOptions): Resource {
  const { name, addresses } = options;
  const wanted = addresses.map(addressData).filter((data) => data !== undefined);
  return recordSetResource(
    { ...options, set: 'address' },
    {
      id: dnsAddressId(name),
      what: `the address of ${name}`,
      why: 'visitors find the relay by it',
      dependsOn: [dnsCaaId(name)],
      wanted,
      covers: ({ data }) => data.type === 'A' || data.type === 'AAAA' || data.type === 'CNAME',
      visible: [
        { type: 'A', isExact: true },
        { type: 'AAAA', isExact: true },
      ],
      explain: (records) => explain(name, records),
      settle: (records) => settleAlias(options, records, wanted),
    },
  );
}

function explain(name: string, records: readonly StoredRecord[]): string | undefined {
  const alias = records.find(({ data }) => data.type === 'CNAME');
  if (records.some(({ isProxied }) => isProxied)) {
    return `${name} is proxied by Cloudflare (orange cloud): Cloudflare would answer for it, end TLS and read everything, and no certificate could be had at home`;
  }
  if (alias?.data.type === 'CNAME') {
    return `${name} is an alias of ${alias.data.target}, which does not lead to the relay`;
  }
  return undefined;
}

/** An alias that leads to the relay already does its work; only CAA records it cannot carry. */
async function settleAlias(
  { lookup, name }: DnsAddressOptions,
  records: readonly StoredRecord[],
  wanted: readonly RecordData[],
): Promise<readonly string[] | undefined> {
  const [alias] = records;
  if (records.length !== 1 || alias?.data.type !== 'CNAME' || alias.isProxied) return undefined;
  const { target } = alias.data;
  const answers = await Promise.all((['A', 'AAAA'] as const).map((type) => lookup.askResolver(target, type)));
  const found = answers.flatMap((answer) => (answer.kind === 'records' ? answer.records : []));
  return areSameSets(
    found.map(({ data }) => data),
    wanted,
  )
    ? [
        `${name} is an alias (CNAME) of ${target}, which leads to the relay. An alias cannot carry CAA records of its own.`,
      ]
    : undefined;
}
