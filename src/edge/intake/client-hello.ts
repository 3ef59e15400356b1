/**
 * Reads server name and protocols out of a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1) before TLS
 * starts: an unknown name is refused without a handshake, and the certificate is chosen by name.
 * A pure function of the bytes that have come so far.
 */

export type ClientHello =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad' }
  /** `serverName` is lower case; `undefined` when the client names none. */
  | { readonly kind: 'done'; readonly serverName: string | undefined; readonly protocols: readonly string[] };

const MORE: ClientHello = { kind: 'more' };
const BAD: ClientHello = { kind: 'bad' };

/** Post-quantum key shares make a ClientHello about 2 KiB; nobody needs eight times that. */
const MAX_HELLO_BYTES = 16_384;
const RECORD_HEAD_BYTES = 5;
const RECORD_HANDSHAKE = 22;
const HANDSHAKE_CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;

/** @param bytes everything that has come after the PROXY header */
export function readClientHello(bytes: Buffer): ClientHello {
  const message = joinRecords(bytes);
  if (message === undefined) return BAD;
  if (message.length < 4) return MORE;
  if (message[0] !== HANDSHAKE_CLIENT_HELLO) return BAD;
  const length = message.readUIntBE(1, 3);
  if (length > MAX_HELLO_BYTES) return BAD;
  if (message.length < 4 + length) return MORE;
  try {
    return readBody(new Reader(message.subarray(4, 4 + length)));
  } catch {
    return BAD;
  }
}

/** The handshake bytes of the records so far; `undefined` when something else than handshake records comes. */
function joinRecords(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= RECORD_HEAD_BYTES) {
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at] !== RECORD_HANDSHAKE || bytes[at + 1] !== 3 || length === 0 || length > MAX_HELLO_BYTES) {
      return parts.length > 0 && isComplete(parts) ? Buffer.concat(parts) : undefined;
    }
    parts.push(
      bytes.subarray(at + RECORD_HEAD_BYTES, Math.min(bytes.length, at + RECORD_HEAD_BYTES + length)),
    );
    at += RECORD_HEAD_BYTES + length;
  }
  if (parts.length === 0 && bytes.length > 0 && bytes[0] !== RECORD_HANDSHAKE) return undefined;
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

/** After the ClientHello other records may follow at once (early data): they are not ours to judge. */
function isComplete(parts: readonly Buffer[]): boolean {
  const message = Buffer.concat(parts);
  return message.length >= 4 && message.length >= 4 + message.readUIntBE(1, 3);
}

function readBody(hello: Reader): ClientHello {
  hello.skip(2 + 32);
  hello.take(hello.uint8());
  hello.take(hello.uint16());
  hello.take(hello.uint8());
  let serverName: string | undefined;
  let protocols: string[] = [];
  const extensions = hello.isAtEnd() ? new Reader(Buffer.alloc(0)) : hello.take(hello.uint16());
  while (!extensions.isAtEnd()) {
    const type = extensions.uint16();
    const content = extensions.take(extensions.uint16());
    if (type === EXTENSION_SERVER_NAME) serverName = readServerName(content);
    else if (type === EXTENSION_ALPN) protocols = readProtocols(content);
  }
  return { kind: 'done', serverName, protocols };
}

function readServerName(content: Reader): string | undefined {
  const names = content.take(content.uint16());
  while (!names.isAtEnd()) {
    const isHostName = names.uint8() === 0;
    const name = names.take(names.uint16()).text();
    if (isHostName) return name.toLowerCase();
  }
  return undefined;
}

function readProtocols(content: Reader): string[] {
  const list = content.take(content.uint16());
  const protocols: string[] = [];
  while (!list.isAtEnd()) protocols.push(list.take(list.uint8()).text());
  return protocols;
}

/** A cursor over bytes; reading past the end throws. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.skip(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.skip(2));
  }

  /** Moves on and gives the place before. */
  skip(length: number): number {
    const before = this.#at;
    if (before + length > this.#bytes.length) throw new RangeError('the message is too short');
    this.#at += length;
    return before;
  }

  take(length: number): Reader {
    const from = this.skip(length);
    return new Reader(this.#bytes.subarray(from, from + length));
  }

  text(): string {
    return this.#bytes.toString('latin1');
  }
}
