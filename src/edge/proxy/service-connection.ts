import type { Socket } from 'node:net';
import type { BodyFraming } from '../request/forwarded.ts';
import { AnswerReader, type AnswerEvents } from './answer-reader.ts';
import { freeWhenWritten } from './free-buffer.ts';
import { BadAnswer, type ResponseHead } from './response-head.ts';

/** What happens to a request that was sent to a service. Every call may come in the middle of another. */
export interface AnswerHandler {
  /** 1xx; never 101. */
  onInformational(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  onBody(chunk: Buffer): void;
  /** The answer is whole. `trailers`: names and values in turn. */
  onEnd(trailers: readonly string[]): void;
  /** Everything that has come so far was handed over; nothing should be held back any longer. */
  onFlush(): void;
  /** The service agreed to another protocol: the socket is the handler's now. */
  onSwitch(head: ResponseHead, socket: Socket, rest: Buffer): void;
  /** The service takes more of the upload. */
  onUploadDrain(): void;
  /** There will be no (more) answer. `isFresh` is false when a kept connection turned out to be stale. */
  onFailure(error: Error, isFresh: boolean): void;
}

/** A request as it goes over the wire. */
export interface ServiceRequest {
  readonly head: string;
  readonly method: string;
  readonly framing: BodyFraming;
  readonly isUpgrade: boolean;
}

/** Who owns the connections: told when one can be used again, or is gone. */
export interface ConnectionOwner {
  onReusable(connection: ServiceConnection): void;
  onGone(connection: ServiceConnection): void;
}

/**
 * One connection to a service. It carries one request at a time, and goes back to its owner only when the request
 * *and* the answer are whole; whatever is odd closes it.
 */
export class ServiceConnection implements AnswerEvents {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #reader: AnswerReader;
  #handler: AnswerHandler | undefined;
  #request: ServiceRequest | undefined;
  #isRequestDone = true;
  #isAnswerDone = true;
  #isGone = false;
  #isPaused = false;
  #head: ResponseHead | undefined;
  #error: Error | undefined;
  /** Requests that it has carried before the present one. */
  #carried = -1;
  /** Owner's note: when an idle connection is too old, on the monotonic clock. */
  idleUntilMs = 0;

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#reader = new AnswerReader(this);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#handler?.onUploadDrain());
    socket.on('end', () => this.#onSocketEnd());
    socket.on('error', (error: Error) => void (this.#error ??= error));
    socket.on('close', () => this.#fail(this.#error ?? new Error('the service closed the connection')));
  }

  /** Starts a request; the connection must be idle. Works while it is still being connected. */
  send(request: ServiceRequest, handler: AnswerHandler): void {
    this.#handler = handler;
    this.#request = request;
    this.#head = undefined;
    this.#isAnswerDone = false;
    this.#isRequestDone = request.framing === 'none';
    this.#carried++;
    this.#reader.start(request.method);
    this.#socket.write(request.head, 'latin1');
  }

  /** @returns false when the service is slower: wait for `onUploadDrain` */
  writeBody(chunk: Buffer): boolean {
    if (this.#isGone) return true;
    if (this.#request?.framing !== 'chunked') return this.#socket.write(chunk, freeWhenWritten(chunk));
    if (chunk.length === 0) return true;
    this.#socket.cork();
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(chunk, freeWhenWritten(chunk));
    const isRoom = this.#socket.write('\r\n', 'latin1');
    this.#socket.uncork();
    return isRoom;
  }

  endBody(): void {
    if (this.#isGone || this.#isRequestDone) return;
    if (this.#request?.framing === 'chunked') this.#socket.write('0\r\n\r\n', 'latin1');
    this.#isRequestDone = true;
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Ends the connection without telling the handler. */
  abort(error?: Error): void {
    this.#handler = undefined;
    this.#socket.destroy(error);
    this.#leave();
  }

  // AnswerEvents, called by the reader in the middle of #onData.

  onReaderInformational(head: ResponseHead): void {
    this.#handler?.onInformational(head);
  }

  onReaderHead(head: ResponseHead): void {
    this.#head = head;
    this.#handler?.onHead(head);
  }

  onReaderBody(chunk: Buffer): void {
    this.#handler?.onBody(chunk);
  }

  onReaderEnd(trailers: readonly string[]): void {
    this.#isAnswerDone = true;
    const handler = this.#handler;
    this.#handler = undefined;
    if (this.#isRequestDone && this.#reader.isAtEnd && !this.#isGone) this.#giveBack();
    // An answer before the end of the upload: the rest would be read as another request.
    else this.abort();
    handler?.onEnd(trailers);
  }

  onReaderSwitch(head: ResponseHead, rest: Buffer): void {
    const handler = this.#handler;
    if (!handler || this.#request?.isUpgrade !== true) throw new BadAnswer('101 without being asked');
    this.#handler = undefined;
    this.#leave();
    this.#socket.removeAllListeners('data');
    this.#socket.removeAllListeners('drain');
    this.#socket.removeAllListeners('end');
    this.#socket.removeAllListeners('close');
    this.#socket.pause();
    handler.onSwitch(head, this.#socket, rest);
  }

  #onData(chunk: Buffer): void {
    if (this.#isAnswerDone) return this.abort();
    const handler = this.#handler;
    try {
      this.#reader.read(chunk);
    } catch (error) {
      this.#error ??= error instanceof Error ? error : new BadAnswer('odd answer');
      this.#fail(this.#error);
      this.#socket.destroy();
      return;
    }
    handler?.onFlush();
  }

  #onSocketEnd(): void {
    if (this.#head?.framing === 'close' && !this.#isAnswerDone) this.onReaderEnd(NO_TRAILERS);
    this.#socket.destroy();
  }

  #giveBack(): void {
    if (this.#head?.isReusable !== true || this.#isGone) return this.abort();
    this.#request = undefined;
    this.resume();
    this.#owner.onReusable(this);
  }

  /** Seconds that the service promised to keep the connection after its last answer. */
  get keepAliveSeconds(): number | undefined {
    return this.#head?.keepAliveSeconds;
  }

  #fail(error: Error): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#leave();
    const isStale = this.#carried > 0 && this.#head === undefined && !this.#reader.hasBegun;
    handler?.onFailure(error, !isStale);
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#owner.onGone(this);
  }
}

const NO_TRAILERS: readonly string[] = [];
