import { BadAnswer, type ResponseHead, readResponseHead, readTrailers } from './response-head.ts';

/** Where the pieces of an answer go. */
export interface AnswerEvents {
  onReaderInformational(head: ResponseHead): void;
  onReaderHead(head: ResponseHead): void;
  onReaderBody(chunk: Buffer): void;
  onReaderEnd(trailers: readonly string[]): void;
  onReaderSwitch(head: ResponseHead, rest: Buffer): void;
}

const MAX_HEAD_BYTES = 65_536;
const MAX_TRAILER_BYTES = 16_384;
/** Chunk size line with its extensions. */
const MAX_SIZE_LINE_BYTES = 1024;
const MAX_INFORMATIONAL = 16;
const NO_TRAILERS: readonly string[] = [];
const NOTHING = Buffer.alloc(0);
/** RFC 9112 §7.1: hexadecimal digits; extensions are dropped. */
const SIZE_LINE = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[^\r\n]*)?$/;

type State = 'done' | 'head' | 'length' | 'close' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers';

/**
 * Reads what a service answers, in pieces of any size, strictly (RFC 9112): HTTP/1.0 and 1.1, three framings, CR LF only.
 * `read` throws BadAnswer on anything else.
 */
export class AnswerReader {
  readonly #events: AnswerEvents;
  #state: State = 'done';
  #method = '';
  /** Bytes of an incomplete line or head. */
  #rest: Buffer = NOTHING;
  #leftBytes = 0;
  #informational = 0;
  #hasTail = false;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** Has a byte of the present answer come? */
  get hasBegun(): boolean {
    return this.#state !== 'head' || this.#rest.length > 0 || this.#informational > 0;
  }

  /** Was the end of the answer the end of what came? Otherwise the service said more than it was asked for. */
  get isAtEnd(): boolean {
    return !this.#hasTail;
  }

  start(method: string): void {
    this.#method = method;
    this.#state = 'head';
    this.#rest = NOTHING;
    this.#informational = 0;
    this.#hasTail = false;
  }

  read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NOTHING;
    let at = 0;
    while (at < bytes.length) {
      const next = this.#step(bytes, at);
      if (next < 0) return;
      at = next;
    }
  }

  /** @returns where the next step starts; -1 when more bytes are needed or nothing more is read */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes, at);
      case 'length':
      case 'chunk-data':
        return this.#readCounted(bytes, at);
      case 'close':
        this.#events.onReaderBody(at === 0 ? bytes : bytes.subarray(at));
        return bytes.length;
      case 'chunk-size':
        return this.#readChunkSize(bytes, at);
      case 'chunk-end':
        if (bytes.length - at < 2) return this.#keep(bytes, at);
        if (bytes[at] !== 13 || bytes[at + 1] !== 10) throw new BadAnswer('odd end of a chunk');
        this.#state = 'chunk-size';
        return at + 2;
      case 'trailers':
        return this.#readTrailers(bytes, at);
      case 'done':
        return -1;
    }
  }

  #keep(bytes: Buffer, at: number): number {
    this.#rest = at === 0 ? bytes : bytes.subarray(at);
    return -1;
  }

  #readHead(bytes: Buffer, at: number): number {
    const end = bytes.indexOf('\r\n\r\n', at, 'latin1');
    if (end < 0 ? bytes.length - at > MAX_HEAD_BYTES : end - at > MAX_HEAD_BYTES)
      throw new BadAnswer('long head');
    if (end < 0) return this.#keep(bytes, at);
    const head = readResponseHead(bytes.toString('latin1', at, end), this.#method);
    const next = end + 4;
    if (head.status === 101) {
      this.#state = 'done';
      this.#events.onReaderSwitch(head, bytes.subarray(next));
      return -1;
    }
    if (head.status < 200) {
      if (++this.#informational > MAX_INFORMATIONAL) throw new BadAnswer('too many 1xx');
      this.#events.onReaderInformational(head);
      return next;
    }
    return this.#startBody(head, next, bytes.length);
  }

  #startBody(head: ResponseHead, next: number, length: number): number {
    switch (head.framing) {
      case 'none':
        this.#events.onReaderHead(head);
        return this.#end(next, length, NO_TRAILERS);
      case 'length':
        this.#leftBytes = Number(head.contentLength);
        this.#state = 'length';
        break;
      case 'chunked':
        this.#state = 'chunk-size';
        break;
      case 'close':
        this.#state = 'close';
        break;
    }
    this.#events.onReaderHead(head);
    return next;
  }

  #readCounted(bytes: Buffer, at: number): number {
    const stop = Math.min(bytes.length, at + this.#leftBytes);
    this.#leftBytes -= stop - at;
    this.#events.onReaderBody(at === 0 && stop === bytes.length ? bytes : bytes.subarray(at, stop));
    if (this.#leftBytes > 0) return stop;
    if (this.#state === 'length') return this.#end(stop, bytes.length, NO_TRAILERS);
    this.#state = 'chunk-end';
    return stop;
  }

  #readChunkSize(bytes: Buffer, at: number): number {
    const end = bytes.indexOf('\r\n', at, 'latin1');
    if ((end < 0 ? bytes.length : end) - at > MAX_SIZE_LINE_BYTES) throw new BadAnswer('long chunk size');
    if (end < 0) return this.#keep(bytes, at);
    const size = SIZE_LINE.exec(bytes.toString('latin1', at, end))?.[1];
    if (size === undefined) throw new BadAnswer('odd chunk size');
    this.#leftBytes = Number.parseInt(size, 16);
    this.#state = this.#leftBytes === 0 ? 'trailers' : 'chunk-data';
    return end + 2;
  }

  #readTrailers(bytes: Buffer, at: number): number {
    if (bytes.length - at >= 2 && bytes[at] === 13 && bytes[at + 1] === 10) {
      return this.#end(at + 2, bytes.length, NO_TRAILERS);
    }
    const end = bytes.indexOf('\r\n\r\n', at, 'latin1');
    if ((end < 0 ? bytes.length : end) - at > MAX_TRAILER_BYTES) throw new BadAnswer('long trailers');
    if (end < 0) return this.#keep(bytes, at);
    return this.#end(end + 4, bytes.length, readTrailers(bytes.toString('latin1', at, end)));
  }

  #end(next: number, length: number, trailers: readonly string[]): number {
    this.#state = 'done';
    this.#hasTail = next < length;
    this.#events.onReaderEnd(trailers);
    return -1;
  }
}
