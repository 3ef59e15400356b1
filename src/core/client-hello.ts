/**
 * Reads server name and protocols out of a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1) without being
 * a TLS server: the edge chooses the certificate by them and refuses an unknown name without a handshake, the relay of
 * the demo chooses the way home.
 */

export type ClientHello =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad' }
  /** `serverName` is lower case; `undefined` when the client names none. */
  | { readonly kind: 'done'; readonly serverName: string | undefined; readonly protocols: readonly string[] };

const MORE: ClientHello = { kind: 'more' };
const BAD: ClientHello = { kind: 'bad' };

/**
 * Most bytes that are waited for, and nginx's `preread_buffer_size` on a real relay. Post-quantum key shares make a
 * ClientHello about 2 KiB; nobody needs eight times that.
 */
export const MAX_HELLO_BYTES = 16_384;
const RECORD_HEAD_BYTES = 5;
const RECORD_HANDSHAKE = 22;
const MESSAGE_HEAD_BYTES = 4;
const MESSAGE_CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const NAME_TYPE_HOST = 0;

/** What a certificate may be made out to, after IDNA. */
const HOST_NAME = /^[a-z0-9.-]{1,253}$/;

/**
 * Takes a client's first bytes as they come, in pieces and in records of any size, each byte once. What is refused is
 * refused at its first wrong byte; what comes behind a whole ClientHello (early data) is left alone.
 */
export class ClientHelloReader {
  readonly #received: Uint8Array[] = [];
  #receivedBytes = 0;
  readonly #recordHead: number[] = [];
  /** Of the present record. */
  #leftBytes = 0;
  #message = new Uint8Array(2048);
  #messageBytes = 0;
  #result: ClientHello = MORE;

  /** Everything that has come so far, for whoever goes on with the connection. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** @returns `more` while it may still become one */
  push(chunk: Uint8Array): ClientHello {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    for (let at = 0; this.#result.kind === 'more' && at < chunk.length;) {
      at += this.#leftBytes === 0 ? this.#takeHeadByte(chunk[at] as number) : this.#takeBody(chunk, at);
    }
    if (this.#result.kind === 'more' && this.#receivedBytes >= MAX_HELLO_BYTES) this.#result = BAD;
    return this.#result;
  }

  /** @returns how many bytes were taken */
  #takeHeadByte(byte: number): number {
    const head = this.#recordHead;
    const index = head.push(byte) - 1;
    if ((index === 0 && byte !== RECORD_HANDSHAKE) || (index === 1 && byte !== 3)) this.#result = BAD;
    if (head.length < RECORD_HEAD_BYTES) return 1;
    this.#leftBytes = (head[3] as number) * 256 + (head[4] as number);
    head.length = 0;
    if (this.#leftBytes === 0 || this.#leftBytes > MAX_HELLO_BYTES) this.#result = BAD;
    return 1;
  }

  #takeBody(chunk: Uint8Array, from: number): number {
    const part = chunk.subarray(from, from + this.#leftBytes);
    const endBytes = this.#messageBytes + part.length;
    if (endBytes > this.#message.length) this.#grow(endBytes);
    this.#message.set(part, this.#messageBytes);
    this.#messageBytes = endBytes;
    this.#leftBytes -= part.length;
    this.#result = readMessage(this.#message.subarray(0, endBytes));
    return part.length;
  }

  #grow(neededBytes: number): void {
    const larger = new Uint8Array(Math.max(neededBytes, 2 * this.#message.length));
    larger.set(this.#message);
    this.#message = larger;
  }
}

function readMessage(message: Uint8Array): ClientHello {
  if (message[0] !== MESSAGE_CLIENT_HELLO) return BAD;
  if (message.length < MESSAGE_HEAD_BYTES) return MORE;
  const head = new Cursor(message.subarray(1));
  const length = head.number(3);
  if (length > MAX_HELLO_BYTES) return BAD;
  if (message.length < MESSAGE_HEAD_BYTES + length) return MORE;
  try {
    return readHello(head.take(length));
  } catch {
    return BAD;
  }
}

function readHello(hello: Cursor): ClientHello {
  hello.take(2 + 32); // legacy_version, random
  hello.vector(1); // legacy_session_id
  hello.vector(2); // cipher_suites
  hello.vector(1); // legacy_compression_methods
  const extensions = hello.isAtEnd ? new Cursor(new Uint8Array()) : hello.vector(2);
  // A second extension of a kind (RFC 8446 §4.2) could be read as one name here and as another one elsewhere.
  const seen = new Set<number>();
  let serverName: string | undefined;
  let protocols: string[] = [];
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (seen.size === seen.add(type).size) return BAD;
    if (type === EXTENSION_SERVER_NAME) serverName = readServerName(content);
    else if (type === EXTENSION_ALPN) protocols = readProtocols(content);
  }
  return hello.isAtEnd ? { kind: 'done', serverName, protocols } : BAD;
}

/** One name of one kind: more of them could be read differently elsewhere, and no client sends them. */
function readServerName(content: Cursor): string {
  const names = content.vector(2);
  const type = names.number(1);
  const name = names.vector(2).text().toLowerCase();
  if (type !== NAME_TYPE_HOST || !names.isAtEnd || !content.isAtEnd || !HOST_NAME.test(name)) {
    throw new RangeError('not one host name');
  }
  return name;
}

function readProtocols(content: Cursor): string[] {
  const list = content.vector(2);
  const protocols: string[] = [];
  while (!list.isAtEnd) protocols.push(list.vector(1).text());
  return protocols;
}

/** Steps through bytes; reading past the end throws. */
class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(width: 1 | 2 | 3): number {
    return this.take(width).#bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  take(length: number): Cursor {
    const from = this.#at;
    if (from + length > this.#bytes.length) throw new RangeError('the message is too short');
    this.#at += length;
    return new Cursor(this.#bytes.subarray(from, from + length));
  }

  /** A field that a length of `width` bytes stands before. */
  vector(width: 1 | 2): Cursor {
    return this.take(this.number(width));
  }

  text(): string {
    return Buffer.from(this.#bytes).toString('latin1');
  }
}
