/**
 * The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt, 2020-03-05), as a pure function of the bytes
 * that have come so far: so it does not matter where the network has cut them.
 */

/** What the first bytes of a connection say. */
export type ProxyHeader =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad' }
  /** `source` is the claimed address, `undefined` when the sender gives none (UNKNOWN, LOCAL). */
  | { readonly kind: 'done'; readonly source: string | undefined; readonly length: number };

const MORE: ProxyHeader = { kind: 'more' };
const BAD: ProxyHeader = { kind: 'bad' };

/** §2.1: a version 1 line is at most 107 bytes with its CR LF. */
const MAX_V1_BYTES = 107;
const V1_PREFIX = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_HEAD_BYTES = 16;
/** TLVs of a sender may follow the addresses; more than this is no header of ours. */
const MAX_V2_BYTES = 2048;

/** @param bytes everything that has come on the connection so far */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, V2_SIGNATURE)) return bytes.length < V2_HEAD_BYTES ? MORE : readV2(bytes);
  if (startsLike(bytes, V1_PREFIX)) return readV1(bytes);
  return BAD;
}

function startsLike(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length);
  return bytes.compare(prefix, 0, length, 0, length) === 0;
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\r\n');
  if (end < 0 && bytes.length < MAX_V1_BYTES) return MORE;
  if (end < 0 || end + 2 > MAX_V1_BYTES) return BAD;
  const line = bytes.toString('latin1', 0, end);
  const length = end + 2;
  if (/^PROXY UNKNOWN( [\x20-\x7e]*)?$/.test(line)) return { kind: 'done', source: undefined, length };
  const fields = /^PROXY (TCP4|TCP6) ([0-9a-fA-F.:]+) [0-9a-fA-F.:]+ (\d{1,5}) (\d{1,5})$/.exec(line);
  if (!fields || Number(fields[3]) > 65_535 || Number(fields[4]) > 65_535) return BAD;
  const source = fields[2] ?? '';
  if (source.includes(':') !== (fields[1] === 'TCP6')) return BAD;
  return { kind: 'done', source, length };
}

function readV2(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes[12];
  const family = bytes[13] ?? 0;
  const length = V2_HEAD_BYTES + bytes.readUInt16BE(14);
  if (length > MAX_V2_BYTES) return BAD;
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) return BAD;
  if (bytes.length < length) return MORE;
  if (versionAndCommand === 0x20) return { kind: 'done', source: undefined, length };
  return readV2Source(bytes.subarray(V2_HEAD_BYTES, length), family, length);
}

function readV2Source(addresses: Buffer, family: number, length: number): ProxyHeader {
  switch (family >> 4) {
    case 1:
      if (addresses.length < 12) return BAD;
      return { kind: 'done', source: addresses.subarray(0, 4).join('.'), length };
    case 2:
      if (addresses.length < 36) return BAD;
      return { kind: 'done', source: readIPv6(addresses), length };
    case 0:
    case 3:
      return { kind: 'done', source: undefined, length };
    default:
      return BAD;
  }
}

function readIPv6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(':');
}
