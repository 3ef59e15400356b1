import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientAddress, GateResponse } from '../auth/contract.ts';
import { Exchange } from '../exchange.ts';
import { TRANSPORT_SECURITY_FIELD, cleanAnswerFields, transportSecurity } from '../proxy/answer-policy.ts';
import { freeWhenWritten } from '../proxy/free-buffer.ts';
import type { ResponseHead } from '../proxy/response-head.ts';
import { splice } from '../proxy/splice.ts';
import { collectBody } from '../request/body.ts';
import { reasonOf } from '../request/reason.ts';
import type { RequestHead } from '../request/request-head.ts';
import { findRawField, isAcceptedBy } from '../request/websocket.ts';
import type { Http1Connection } from './connection.ts';

/** Up to this size head and body are copied into one buffer: one write, one TLS record. */
const ONE_WRITE_BYTES = 16_384;
const LAST_CHUNK = '0\r\n';

/**
 * An exchange over HTTP/1.1. Node's parser reads the request; the answer is written to the socket by ourselves, head and
 * first bytes of the body in one write, because ServerResponse costs about as much as all the rest of the way.
 */
export class Http1Exchange extends Exchange {
  readonly #connection: Http1Connection;
  readonly #socket: Socket;
  readonly #request: IncomingMessage;
  /** Node's own idea of the answer: never written, only told that it is finished. None for upgrades. */
  readonly #response: ServerResponse | undefined;
  readonly #isHttp11: boolean;
  /** The head while it waits for the first bytes of the body. */
  #heldHead: string | undefined;
  #status = 0;
  #isChunked = false;
  #isBodyNear = false;
  #closesAfter: boolean;
  #isUploadDone: boolean;
  #isWaitingForSocket = false;

  constructor(
    connection: Http1Connection,
    request: IncomingMessage,
    response: ServerResponse | undefined,
    client: ClientAddress,
    head: RequestHead,
  ) {
    super(connection.core, connection.arrival, client, head, response === undefined);
    this.#connection = connection;
    this.#socket = connection.socket;
    this.#request = request;
    this.#response = response;
    this.#isHttp11 = request.httpVersionMinor === 1;
    this.#isUploadDone = !head.hasBody;
    this.#closesAfter = response === undefined || !this.#isHttp11 || asksToClose(head.connection);
    if (head.hasBody) request.on('error', () => this.abandon());
  }

  markSignedIn(): void {
    this.arrival.seat.markSignedIn();
    this.arrival.place.markSignedIn();
  }

  // Our own answers.

  answer(response: GateResponse): void {
    if (this.isOver || this.hasAnswered) return;
    const body = typeof response.body === 'string' ? Buffer.from(response.body) : Buffer.from(response.body);
    this.#status = response.status;
    // The head of a service that broke off before its body was never sent.
    this.#heldHead = undefined;
    this.#closesAfter ||= !this.#isUploadDone || this.core.isDraining;
    let text = `HTTP/1.1 ${response.status} ${reasonOf(response.status)}\r\n`;
    for (const [name, value] of response.headers) text += `${name}: ${value}\r\n`;
    text += `Date: ${new Date(this.core.options.clock.nowMs()).toUTCString()}\r\n`;
    text += `${TRANSPORT_SECURITY_FIELD}: ${transportSecurity(this.core.answerRules)}\r\nContent-Length: ${body.length}\r\n`;
    if (this.#closesAfter) text += 'Connection: close\r\n';
    this.#write(`${text}\r\n`, this.head.method === 'HEAD' ? undefined : body);
    this.#finishAnswer();
  }

  readBody(maxBytes: number): Promise<Uint8Array> {
    if (this.#isUploadDone) return Promise.resolve(new Uint8Array());
    this.#sendContinue();
    this.uploadSinceMs = this.core.sweeper.nowMs;
    const body = collectBody(this.#request, maxBytes, () => (this.uploadSinceMs = this.core.sweeper.nowMs));
    return body.then((bytes) => {
      this.#isUploadDone = true;
      this.uploadSinceMs = undefined;
      return bytes;
    });
  }

  // The upload, on its way to the service.

  protected get hasUnframedBody(): boolean {
    return false;
  }

  protected startUpload(): void {
    this.uploadSinceMs = this.core.sweeper.nowMs;
    this.#request.on('data', (chunk: Buffer) => {
      this.uploadSinceMs = this.core.sweeper.nowMs;
      if (this.service?.writeBody(chunk) === false) {
        this.uploadSinceMs = undefined;
        this.#request.pause();
      }
    });
    this.#request.on('end', () => {
      this.#isUploadDone = true;
      this.uploadSinceMs = undefined;
      this.service?.endBody();
    });
  }

  onUploadDrain(): void {
    if (this.#isUploadDone || this.isOver) return;
    this.uploadSinceMs = this.core.sweeper.nowMs;
    this.#request.resume();
  }

  // The answer of the service, on its way to the visitor.

  protected get hasAnswered(): boolean {
    return this.#status !== 0 && this.#heldHead === undefined;
  }

  onInformational(head: ResponseHead): void {
    if (!this.#isHttp11 || (head.status === 100 && this.head.expect === undefined)) return;
    let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
    if (head.status !== 100) text += joinFields(head.fields);
    this.#socket.write(`${text}\r\n`, 'latin1');
  }

  onHead(head: ResponseHead): void {
    this.#status = head.status;
    const bodyFollows = head.framing !== 'none';
    this.#isBodyNear = head.framing === 'length';
    let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n${joinFields(cleanAnswerFields(head, this.core.answerRules))}`;
    if (head.contentLength !== undefined) text += `Content-Length: ${head.contentLength}\r\n`;
    else if (bodyFollows && this.#isHttp11) {
      this.#isChunked = true;
      text += 'Transfer-Encoding: chunked\r\n';
      if (head.trailer !== undefined) text += `Trailer: ${head.trailer}\r\n`;
    }
    this.#closesAfter ||= !this.#isUploadDone || this.core.isDraining;
    if (this.#closesAfter) text += 'Connection: close\r\n';
    this.#heldHead = `${text}\r\n`;
  }

  onBody(chunk: Buffer): void {
    if (this.isOver) return;
    const head = this.#heldHead;
    this.#heldHead = undefined;
    const isRoom = this.#isChunked ? this.#writeChunk(head, chunk) : this.#write(head, chunk);
    if (isRoom || this.#isWaitingForSocket) return;
    this.#isWaitingForSocket = true;
    this.service?.pause();
  }

  onFlush(): void {
    // Where a length was given, the body is on its way, often in the next read: one write for both.
    if (!this.#isBodyNear) this.flushHead();
  }

  /** Sends the head if it is still waiting for its body. */
  flushHead(): void {
    if (this.#heldHead === undefined || this.isOver) return;
    this.#socket.write(this.#heldHead, 'latin1');
    this.#heldHead = undefined;
  }

  onEnd(trailers: readonly string[]): void {
    this.service = undefined;
    if (this.isOver) return;
    let text = this.#heldHead ?? '';
    this.#heldHead = undefined;
    if (this.#isChunked) text += `${LAST_CHUNK}${joinFields(trailers)}\r\n`;
    if (text !== '') this.#socket.write(text, 'latin1');
    this.#finishAnswer();
  }

  /** The visitor's socket takes more. */
  onVisitorDrain(): void {
    if (!this.#isWaitingForSocket) return;
    this.#isWaitingForSocket = false;
    this.service?.resume();
  }

  onSwitch(head: ResponseHead, service: Socket, rest: Buffer): void {
    const key = findRawField(this.head.rawFields, 'sec-websocket-key') ?? '';
    if (this.isOver || !isAcceptedBy(head, key)) {
      service.destroy();
      this.onFailure(new Error('101 for another handshake'), true);
      return;
    }
    this.#status = 101;
    const fields = joinFields(cleanAnswerFields(head, this.core.answerRules));
    this.#write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${fields}\r\n`,
      rest,
    );
    this.arrival.onPassed();
    this.#connection.startTunnel(this, service);
    splice(this.#socket, service);
  }

  destroy(): void {
    this.abandon();
    this.#socket.destroy();
  }

  /** The tunnel of a WebSocket has ended. */
  endTunnel(): void {
    if (!this.isOver) this.finish(this.#status);
  }

  #finishAnswer(): void {
    this.finish(this.#status);
    this.service?.abort();
    this.service = undefined;
    this.#response?.emit('finish');
    this.#connection.onAnswered(this.#closesAfter, this.#isUploadDone);
  }

  #sendContinue(): void {
    if (this.head.expect !== undefined && this.#isHttp11) {
      this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    }
  }

  #write(head: string | undefined, body: Buffer | undefined): boolean {
    if (head === undefined) {
      return body === undefined || body.length === 0 || this.#socket.write(body, freeWhenWritten(body));
    }
    if (body === undefined || body.length === 0) return this.#socket.write(head, 'latin1');
    if (body.length <= ONE_WRITE_BYTES) {
      const whole = Buffer.allocUnsafe(head.length + body.length);
      whole.write(head, 0, 'latin1');
      body.copy(whole, head.length);
      return this.#socket.write(whole);
    }
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    const isRoom = this.#socket.write(body, freeWhenWritten(body));
    this.#socket.uncork();
    return isRoom;
  }

  #writeChunk(head: string | undefined, chunk: Buffer): boolean {
    if (chunk.length === 0) return true;
    this.#socket.cork();
    this.#socket.write(`${head ?? ''}${chunk.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(chunk, freeWhenWritten(chunk));
    const isRoom = this.#socket.write('\r\n', 'latin1');
    this.#socket.uncork();
    return isRoom;
  }
}

function asksToClose(connection: string | undefined): boolean {
  if (connection === undefined) return false;
  return connection
    .toLowerCase()
    .split(',')
    .some((token) => token.trim() === 'close');
}

function joinFields(fields: readonly string[]): string {
  let text = '';
  for (let index = 0; index < fields.length; index += 2) text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return text;
}
