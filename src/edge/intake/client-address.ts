import { isIPv4, isIPv6 } from 'node:net';
import type { ClientAddress } from '../auth/contract.ts';

/** Everybody whose address says nothing: one bucket of the limits, never passed on as an address of ours. */
export const UNKNOWN_CLIENT: ClientAddress = { text: 'unknown', bucket: 'unknown' };

/** For an edge that does not know the addresses of its machine. */
export const isNobodys = (): boolean => false;

/** IPv4 ranges that a visitor from the Internet cannot have (RFC 6890), as [network, prefix bits]. */
const NOT_PUBLIC_V4: ReadonlyArray<readonly [number, number]> = (
  [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['224.0.0.0', 3],
  ] as const
).map(([network, bits]) => [ipv4ToNumber(network), bits]);

/**
 * Reads an address that the relay claims.
 * @param claimed text of a PROXY header or of the relay's X-Forwarded-For
 * @param isOwn is this (canonical) address one of the home's own?
 * @returns the canonical address with its bucket; `UNKNOWN_CLIENT` for loopback, private, own and unreadable ones
 */
export function toClientAddress(claimed: string, isOwn: (address: string) => boolean): ClientAddress {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(claimed)?.[1];
  const client = isIPv6(claimed) && mapped === undefined ? fromIPv6(claimed) : fromIPv4(mapped ?? claimed);
  return isOwn(client.text) ? UNKNOWN_CLIENT : client;
}

function fromIPv4(text: string): ClientAddress {
  if (!isIPv4(text)) return UNKNOWN_CLIENT;
  const address = ipv4ToNumber(text);
  const isPublic = NOT_PUBLIC_V4.every(
    ([network, bits]) => address >>> (32 - bits) !== network >>> (32 - bits),
  );
  return isPublic ? { text, bucket: text } : UNKNOWN_CLIENT;
}

function ipv4ToNumber(text: string): number {
  return text.split('.').reduce((sum, part) => ((sum << 8) | Number(part)) >>> 0, 0);
}

function fromIPv6(text: string): ClientAddress {
  const groups = expandIPv6(text);
  if (groups === undefined) return UNKNOWN_CLIENT;
  const [first = 0, , , , , fifth = 0, sixth = 0, seventh = 0] = groups;
  // IPv4-mapped addresses also come as hexadecimal groups.
  if (groups.slice(0, 5).every((group) => group === 0) && fifth === 0xffff) {
    return fromIPv4([sixth >> 8, sixth & 255, seventh >> 8, seventh & 255].join('.'));
  }
  // Global unicast is 2000::/3 (RFC 4291); NAT64's 64:ff9b::/96 carries a public IPv4 address.
  const isPublic = first >> 13 === 1 || (first === 0x64 && groups[1] === 0xff9b);
  if (!isPublic) return UNKNOWN_CLIENT;
  const hex = groups.map((group) => group.toString(16));
  return { text: compressIPv6(hex), bucket: `${hex.slice(0, 4).join(':')}::/64` };
}

/** The eight groups of an IPv6 address without a zone. */
function expandIPv6(text: string): number[] | undefined {
  if (text.includes('%')) return undefined;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const ipv4 = ipv4ToNumber(dotted?.[2] ?? '0.0.0.0');
  const plain = dotted ? `${dotted[1]}${(ipv4 >>> 16).toString(16)}:${(ipv4 & 0xffff).toString(16)}` : text;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...right];
  return groups.length === 8 ? groups.map((group) => Number.parseInt(group, 16)) : undefined;
}

/** Canonical text (RFC 5952): the longest run of two or more zero groups, the first of equals, becomes `::`. */
function compressIPv6(groups: readonly string[]): string {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}
