import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { isIPv6 } from 'node:net';

/** A DNS server by address. */
export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

export interface DnsQueryOptions {
  /** Who is asked; `undefined`: the resolvers of this machine. */
  readonly server?: DnsServer | undefined;
  /** For one try. Default 2000. */
  readonly timeoutMs?: number;
  /** Default 2. */
  readonly tries?: number;
}

export type DnsType = 'A' | 'AAAA' | 'CNAME' | 'CAA' | 'TXT' | 'NS' | 'SOA';

/** One record as Node parsed it: its shape depends on the type and is not trusted. */
export type RawRecord = unknown;

/**
 * `records`   what was asked for is there
 * `none`      the name has no such record (NODATA)
 * `no-name`   there is no such name (NXDOMAIN)
 * `failed`    refused, broken or no answer; `reason` is c-ares's code, such as ESERVFAIL
 */
export type DnsAnswer =
  | { readonly kind: 'records'; readonly records: readonly RawRecord[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'no-name' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Asks one server, or the resolvers of this machine. Never rejects. */
export async function queryDns(
  name: string,
  type: DnsType,
  options: DnsQueryOptions = {},
): Promise<DnsAnswer> {
  const resolver = new Resolver({ timeout: options.timeoutMs ?? 2000, tries: options.tries ?? 2 });
  try {
    if (options.server) resolver.setServers([renderServer(options.server)]);
    const records = await ask(resolver, name, type);
    return records.length === 0 ? { kind: 'none' } : { kind: 'records', records };
  } catch (error) {
    return answerOf((error as NodeJS.ErrnoException).code ?? (error as Error).message);
  }
}

function renderServer({ address, port }: DnsServer): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

async function ask(resolver: Resolver, name: string, type: DnsType): Promise<readonly RawRecord[]> {
  switch (type) {
    case 'A':
      return resolver.resolve4(name, { ttl: true });
    case 'AAAA':
      return resolver.resolve6(name, { ttl: true });
    case 'CNAME':
      return resolver.resolveCname(name);
    case 'CAA':
      return resolver.resolveCaa(name);
    case 'TXT':
      return resolver.resolveTxt(name);
    case 'NS':
      return resolver.resolveNs(name);
    case 'SOA':
      return [await resolver.resolveSoa(name)];
  }
}

function answerOf(code: string): DnsAnswer {
  if (code === 'ENODATA') return { kind: 'none' };
  return code === 'ENOTFOUND' ? { kind: 'no-name' } : { kind: 'failed', reason: code };
}

/** The addresses of the resolvers that this machine uses. */
export function systemResolvers(): readonly DnsServer[] {
  return new Resolver().getServers().flatMap((text) => {
    const match = /^\[?([0-9a-fA-F:.]+?)\]?(?::(\d+))?$/.exec(isIPv6(text) ? `[${text}]` : text);
    return match?.[1] ? [{ address: match[1], port: Number(match[2] ?? 53) }] : [];
  });
}

/** What the head of an answer says (RFC 1035 §4.1.1); the records themselves are not read. */
export interface DnsHead {
  /** 0 is NOERROR, 3 NXDOMAIN. */
  readonly status: number;
  readonly answers: number;
  /** The resolver has checked the signatures (RFC 4035 §3.2.3). */
  readonly isAuthenticated: boolean;
}

const HEAD_BYTES = 12;

/**
 * Asks for a type that Node's resolver does not know, by one UDP datagram, and reads the head of the answer alone.
 * @param type its number, such as 43 for DS
 * @returns `undefined` when there is no answer in time, or none to this question
 */
export function queryDnsHead(
  name: string,
  type: number,
  server: DnsServer,
  timeoutMs = 2000,
): Promise<DnsHead | undefined> {
  const query = buildQuery(name, type);
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const finish = (head: DnsHead | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      resolve(head);
    };
    const timer = setTimeout(() => finish(undefined), timeoutMs);
    socket.on('error', () => finish(undefined));
    socket.on('message', (message) => {
      if (isAnswerTo(query, message)) finish(readHead(message));
    });
    // Connected: the kernel drops datagrams of everybody else.
    socket.connect(server.port, server.address, () => socket.send(query));
  });
}

/** Recursion desired, authentic data asked for (RFC 6840 §5.7); one question; no EDNS. */
function buildQuery(name: string, type: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  randomBytes(2).copy(head);
  head.writeUInt16BE(0x0120, 2);
  head.writeUInt16BE(1, 4);
  const labels = name
    .split('.')
    .filter((label) => label !== '')
    .map((label) =>
      Buffer.concat([Buffer.from([label.length & 0x3f]), Buffer.from(label.slice(0, 63), 'latin1')]),
    );
  const tail = Buffer.from([0, type >> 8, type & 0xff, 0, 1]);
  return Buffer.concat([head, ...labels, tail]);
}

/** The same number, a response, and the question repeated in whatever case. */
function isAnswerTo(query: Buffer, message: Buffer): boolean {
  const question = (bytes: Buffer): string =>
    bytes.subarray(HEAD_BYTES, query.length).toString('latin1').toLowerCase();
  return (
    message.length >= query.length &&
    message.readUInt16BE(0) === query.readUInt16BE(0) &&
    (message.readUInt16BE(2) & 0x8000) !== 0 &&
    message.readUInt16BE(4) === 1 &&
    question(message) === question(query)
  );
}

function readHead(message: Buffer): DnsHead {
  const flags = message.readUInt16BE(2);
  return {
    status: flags & 0x000f,
    answers: message.readUInt16BE(6),
    isAuthenticated: (flags & 0x0020) !== 0,
  };
}
