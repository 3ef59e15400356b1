import {
  type DnsHead,
  type DnsServer,
  queryDns,
  queryDnsHead,
  systemResolvers,
} from '../../platform/dns-query.ts';
import type { RecordType } from '../contract.ts';
import { type QueryDns, type ServerAnswer, askServer } from './ask-server.ts';
import { type Authorities, type NameServer, findAuthorities } from './authorities.ts';

/** What one authoritative server says. */
export interface AuthorityAnswer {
  /** The server's name. */
  readonly server: string;
  readonly answer: ServerAnswer;
}

/** Looking at the DNS as the world sees it, past every cache. */
export interface Lookup {
  /** @throws DNS_ZONE_UNKNOWN, DNS_LOOKUP_FAILED */
  findAuthorities(name: string): Promise<Authorities>;
  /** What every authoritative server says, asked directly. One that has several addresses and disagrees with itself fails. */
  askAuthorities(
    authorities: Authorities,
    name: string,
    type: RecordType,
  ): Promise<readonly AuthorityAnswer[]>;
  /** What the resolvers of this machine say; their caches may be behind. */
  askResolver(name: string, type: RecordType): Promise<ServerAnswer>;
  /** Is the zone's delegation signed (RFC 4035 §5)? `undefined`: not known. */
  isSigned(zone: string): Promise<boolean | undefined>;
}

export interface LookupOptions {
  /** Instead of the resolvers of this machine. */
  readonly resolver?: DnsServer;
  /** Where authoritative servers answer. Default 53. */
  readonly authorityPort?: number;
  readonly query?: QueryDns;
  readonly queryHead?: typeof queryDnsHead;
}

/** The number of the DS type: it stands in the parent's zone and says that a zone is signed (RFC 4034 §5). */
const DS = 43;

/** A lookup over the network. */
export function openLookup(options: LookupOptions = {}): Lookup {
  const query = options.query ?? queryDns;
  const queryHead = options.queryHead ?? queryDnsHead;
  const port = options.authorityPort ?? 53;
  return {
    findAuthorities: (name) => findAuthorities(query, name, options.resolver),
    askResolver: (name, type) => askServer(query, name, type, options.resolver),
    askAuthorities: ({ servers }, name, type) =>
      Promise.all(
        servers.map(async (server) => ({
          server: server.name,
          answer: await askNameServer(query, server, name, type, port),
        })),
      ),
    isSigned: async (zone) => {
      const resolvers = options.resolver ? [options.resolver] : systemResolvers();
      for (const resolver of resolvers) {
        const head = await queryHead(zone, DS, resolver);
        if (head) return readSigned(head);
      }
      return undefined;
    },
  };
}

function readSigned({ status, answers }: DnsHead): boolean | undefined {
  if (status !== 0) return undefined;
  return answers > 0;
}

/**
 * All addresses of one server. An address that does not answer is left out when another one does: a home without IPv6
 * cannot reach the half of them.
 */
async function askNameServer(
  query: QueryDns,
  { addresses }: NameServer,
  name: string,
  type: RecordType,
  port: number,
): Promise<ServerAnswer> {
  const answers = await Promise.all(
    addresses.map((address) => askServer(query, name, type, { address, port })),
  );
  const heard = answers.filter(({ kind }) => kind !== 'failed');
  const [first] = heard;
  if (!first) return answers[0] ?? { kind: 'failed', reason: 'it has no address' };
  return heard.every((answer) => isSameAnswer(answer, first))
    ? first
    : { kind: 'failed', reason: 'its addresses give different answers' };
}

function isSameAnswer(one: ServerAnswer, other: ServerAnswer): boolean {
  const keyOf = (answer: ServerAnswer): string =>
    answer.kind === 'records'
      ? answer.records
          .map(({ data }) => JSON.stringify(data))
          .toSorted()
          .join()
      : JSON.stringify(answer);
  return keyOf(one) === keyOf(other);
}
