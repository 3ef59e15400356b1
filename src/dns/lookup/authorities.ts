import { PosternError } from '../../core/errors/index.ts';
import { parseName, zoneCandidatesOf } from '../names.ts';
import { type QueryDns, askServer, readAnswer } from './ask-server.ts';
import type { DnsServer } from '../../platform/dns-query.ts';

/** One name server of a zone. */
export interface NameServer {
  readonly name: string;
  /** Every address that it has; at least one. */
  readonly addresses: readonly string[];
}

/** A zone and who answers for it. */
export interface Authorities {
  readonly zone: string;
  readonly servers: readonly NameServer[];
  /** Name servers of the zone that have no address: nobody can ask them. */
  readonly lost: readonly string[];
}

const MAX_SERVERS = 16;
const MAX_ADDRESSES = 6;

/**
 * Finds the zone that holds `name` (the nearest name at or above it with a SOA record, RFC 1034 §4.2) and its servers.
 * @param resolver who is asked; `undefined`: the resolvers of this machine
 * @throws DNS_ZONE_UNKNOWN, DNS_LOOKUP_FAILED
 */
export async function findAuthorities(
  query: QueryDns,
  name: string,
  resolver: DnsServer | undefined,
): Promise<Authorities> {
  for (const candidate of zoneCandidatesOf(name)) {
    if (!(await isZone(query, candidate, resolver))) continue;
    const names = await findServerNames(query, candidate, resolver);
    const servers = await Promise.all(
      names.map(async (server) => ({ name: server, addresses: await addressesOf(query, server, resolver) })),
    );
    const reachable = servers.filter(({ addresses }) => addresses.length > 0);
    if (reachable.length === 0) throw failed(candidate, 'none of its name servers has an address');
    const lost = servers.filter(({ addresses }) => addresses.length === 0).map((server) => server.name);
    return { zone: candidate, servers: reachable, lost };
  }
  throw new PosternError('DNS_ZONE_UNKNOWN', { where: 'The DNS', name });
}

/**
 * An alias is never a zone, and is asked for first: a resolver that follows it answers with the SOA of its target, or
 * with what Node's resolver cannot read.
 */
async function isZone(query: QueryDns, name: string, resolver: DnsServer | undefined): Promise<boolean> {
  const alias = await askServer(query, name, 'CNAME', resolver);
  if (alias.kind === 'failed') throw failed(name, alias.reason);
  if (alias.kind === 'alias') return false;
  const soa = await query(name, 'SOA', { server: resolver });
  if (soa.kind === 'failed') throw failed(name, soa.reason);
  return soa.kind === 'records';
}

async function findServerNames(
  query: QueryDns,
  zone: string,
  resolver: DnsServer | undefined,
): Promise<readonly string[]> {
  const answer = await query(zone, 'NS', { server: resolver });
  if (answer.kind !== 'records') {
    throw failed(zone, answer.kind === 'failed' ? answer.reason : 'it names no name servers');
  }
  const names = [...new Set(answer.records.map(parseName))].filter((name) => name !== undefined);
  if (names.length === 0) throw failed(zone, 'it names no name servers');
  return names.slice(0, MAX_SERVERS).toSorted();
}

async function addressesOf(
  query: QueryDns,
  name: string,
  resolver: DnsServer | undefined,
): Promise<readonly string[]> {
  const answers = await Promise.all(
    (['A', 'AAAA'] as const).map(async (type) =>
      readAnswer(type, await query(name, type, { server: resolver })),
    ),
  );
  return answers
    .flatMap((answer) => (answer.kind === 'records' ? answer.records : []))
    .flatMap(({ data }) => ('address' in data ? [data.address] : []))
    .slice(0, MAX_ADDRESSES);
}

function failed(name: string, reason: string): PosternError {
  return new PosternError('DNS_LOOKUP_FAILED', { name, reason });
}
