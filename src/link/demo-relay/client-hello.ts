/**
 * Reads the server name out of a TLS ClientHello without being a TLS server: all that the relay's nginx
 * (`ssl_preread`) reads of a visitor's bytes.
 */

/** Most bytes of a ClientHello that are looked at; nginx's `preread_buffer_size` on a real relay. */
export const MAX_HELLO_BYTES = 16_384;

export type ServerNameResult =
  | { readonly kind: 'more' }
  | { readonly kind: 'found'; readonly serverName: string }
  | { readonly kind: 'none' };

const MORE: ServerNameResult = { kind: 'more' };
const NONE: ServerNameResult = { kind: 'none' };

const RECORD_HANDSHAKE = 22;
const MESSAGE_CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const NAME_TYPE_HOST = 0;

/** Steps through bytes; `undefined` once it would leave them. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get leftBytes(): number {
    return this.#bytes.length - this.#at;
  }

  number(width: 1 | 2 | 3): number | undefined {
    const bytes = this.take(width);
    return bytes?.reduce((value, byte) => value * 256 + byte, 0);
  }

  take(length: number): Uint8Array | undefined {
    if (this.leftBytes < length) return undefined;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A field that a length of `width` bytes stands before. */
  vector(width: 1 | 2 | 3): Uint8Array | undefined {
    const length = this.number(width);
    return length === undefined ? undefined : this.take(length);
  }
}

/**
 * The server name of a ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), which may be cut into any number of records.
 * @param bytes everything that the visitor has sent so far
 * @returns `more` while it may still become one, `none` when it is no TLS, names nobody, or is over `MAX_HELLO_BYTES`
 */
export function readServerName(bytes: Uint8Array): ServerNameResult {
  const { handshake, isOver } = joinRecords(bytes);
  const result = readHandshake(handshake);
  return result.kind === 'more' && (isOver || bytes.length >= MAX_HELLO_BYTES) ? NONE : result;
}

/**
 * The handshake bytes of all records, the last of which may be incomplete.
 * `isOver`: something else follows (early data, or no TLS at all), so no more of them can come.
 */
function joinRecords(bytes: Uint8Array): { handshake: Uint8Array; isOver: boolean } {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const isHandshake = bytes[at] === RECORD_HANDSHAKE && (bytes[at + 1] ?? 3) === 3;
    if (!isHandshake) return { handshake: Buffer.concat(parts), isOver: true };
    if (at + 5 > bytes.length) break;
    const length = (bytes[at + 3] as number) * 256 + (bytes[at + 4] as number);
    if (length === 0 || length > MAX_HELLO_BYTES) return { handshake: Buffer.concat(parts), isOver: true };
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return { handshake: Buffer.concat(parts), isOver: false };
}

function readHandshake(handshake: Uint8Array): ServerNameResult {
  const reader = new Reader(handshake);
  const type = reader.number(1);
  if (type === undefined) return MORE;
  if (type !== MESSAGE_CLIENT_HELLO) return NONE;
  const length = reader.number(3);
  if (length === undefined) return MORE;
  if (length > MAX_HELLO_BYTES) return NONE;
  const body = reader.take(length);
  return body === undefined ? MORE : readClientHello(new Reader(body));
}

function readClientHello(hello: Reader): ServerNameResult {
  hello.take(2 + 32); // legacy_version, random
  hello.vector(1); // legacy_session_id
  hello.vector(2); // cipher_suites
  hello.vector(1); // legacy_compression_methods
  const extensions = new Reader(hello.vector(2) ?? new Uint8Array());
  while (extensions.leftBytes > 0) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (type === undefined || data === undefined) return NONE;
    if (type === EXTENSION_SERVER_NAME) return readNameList(new Reader(data));
  }
  return NONE;
}

function readNameList(extension: Reader): ServerNameResult {
  const list = new Reader(extension.vector(2) ?? new Uint8Array());
  const type = list.number(1);
  const name = list.vector(2);
  if (type !== NAME_TYPE_HOST || name === undefined) return NONE;
  const serverName = Buffer.from(name).toString('latin1').toLowerCase();
  return /^[a-z0-9.-]{1,253}$/.test(serverName) ? { kind: 'found', serverName } : NONE;
}
