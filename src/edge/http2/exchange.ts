import { type OutgoingHttpHeaders, type ServerHttp2Stream, constants } from 'node:http2';
import type { Socket } from 'node:net';
import type { GateResponse, Principal } from '../auth/contract.ts';
import { Exchange } from '../exchange.ts';
import { TRANSPORT_SECURITY_FIELD, cleanAnswerFields, transportSecurity } from '../proxy/answer-policy.ts';
import { freeWhenWritten } from '../proxy/free-buffer.ts';
import type { ResponseHead } from '../proxy/response-head.ts';
import { splice } from '../proxy/splice.ts';
import { collectBody } from '../request/body.ts';
import type { RequestHead } from '../request/request-head.ts';
import { isAcceptedBy } from '../request/websocket.ts';
import type { Http2Connection } from './connection.ts';

/** An exchange on one stream of HTTP/2, by node's stream API: its compatibility API costs half as much again. */
export class Http2Exchange extends Exchange {
  readonly #connection: Http2Connection;
  readonly #stream: ServerHttp2Stream;
  #status = 0;
  #isUploadDone: boolean;
  #isWaitingForStream = false;
  /** The head while it waits for the first bytes of the body: until they come, a failure is still a 502. */
  #heldHead: ResponseHead | undefined;
  /** The last piece of the body, held back in case that it is the last of all: then it carries END_STREAM. */
  #held: Buffer | undefined;
  #trailers: readonly string[] = [];

  constructor(
    connection: Http2Connection,
    stream: ServerHttp2Stream,
    head: RequestHead,
    isWebSocket: boolean,
  ) {
    super(connection.core, connection.arrival, connection.arrival.client, head, isWebSocket);
    this.#connection = connection;
    this.#stream = stream;
    this.#isUploadDone = stream.endAfterHeaders || isWebSocket || head.contentLength === '0';
    stream.once('close', () => this.#onStreamClose());
  }

  markSignedIn(principal: Principal): void {
    this.#connection.markSignedIn(principal);
  }

  answer(response: GateResponse): void {
    if (this.isOver || this.hasAnswered || this.#stream.destroyed) return;
    this.#status = response.status;
    // The head of a service that broke off before its body was never sent.
    this.#heldHead = undefined;
    const headers: OutgoingHttpHeaders = { ':status': response.status };
    for (const [name, value] of response.headers) addField(headers, name, value);
    addField(headers, TRANSPORT_SECURITY_FIELD, transportSecurity(this.core.answerRules));
    const body = typeof response.body === 'string' ? Buffer.from(response.body) : Buffer.from(response.body);
    headers['content-length'] = body.length;
    const isEmpty = body.length === 0 || this.head.method === 'HEAD';
    this.#stream.respond(headers, { endStream: isEmpty });
    if (!isEmpty) this.#stream.end(body);
    this.#finishAnswer();
  }

  readBody(maxBytes: number): Promise<Uint8Array> {
    if (this.#isUploadDone) return Promise.resolve(new Uint8Array());
    if (this.head.expect !== undefined) this.#inform({ ':status': 100 });
    this.uploadSinceMs = this.core.sweeper.nowMs;
    return collectBody(this.#stream, maxBytes, () => (this.uploadSinceMs = this.core.sweeper.nowMs)).then(
      (bytes) => {
        this.#isUploadDone = true;
        this.uploadSinceMs = undefined;
        return bytes;
      },
    );
  }

  protected get hasUnframedBody(): boolean {
    return !this.#isUploadDone;
  }

  protected startUpload(): void {
    const stream = this.#stream;
    this.uploadSinceMs = this.core.sweeper.nowMs;
    stream.on('data', (chunk: Buffer) => {
      this.uploadSinceMs = this.core.sweeper.nowMs;
      if (this.service?.writeBody(chunk) === false) {
        this.uploadSinceMs = undefined;
        stream.pause();
      }
    });
    stream.on('end', () => {
      // A reset ends the stream too, but what came is not the whole body then.
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || stream.aborted) return this.abandon();
      this.#isUploadDone = true;
      this.uploadSinceMs = undefined;
      this.service?.endBody();
    });
  }

  onUploadDrain(): void {
    if (this.#isUploadDone || this.isOver) return;
    this.uploadSinceMs = this.core.sweeper.nowMs;
    this.#stream.resume();
  }

  protected get hasAnswered(): boolean {
    return this.#status !== 0 && this.#heldHead === undefined;
  }

  onInformational(head: ResponseHead): void {
    if (head.status === 100 && this.head.expect === undefined) return;
    this.#inform(toHeaders(head.status, head.status === 100 ? [] : head.fields));
  }

  onHead(head: ResponseHead): void {
    this.#status = head.status;
    this.#heldHead = head;
    // Where a length was given, the body is on its way, often in the next read.
    if (head.framing !== 'length') this.flushHead();
  }

  /** Sends the head if it is still waiting for its body. */
  flushHead(): void {
    const head = this.#heldHead;
    this.#heldHead = undefined;
    if (head === undefined || this.isOver || this.#stream.destroyed) return;
    const headers = toHeaders(head.status, cleanAnswerFields(head, this.core.answerRules));
    if (head.contentLength !== undefined) headers['content-length'] = head.contentLength;
    const hasTrailers = head.framing === 'chunked';
    if (hasTrailers && head.trailer !== undefined) headers['trailer'] = head.trailer;
    this.#stream.respond(headers, {
      endStream: head.framing === 'none',
      waitForTrailers: hasTrailers,
    });
    if (hasTrailers) this.#stream.once('wantTrailers', () => this.#sendTrailers());
  }

  onBody(chunk: Buffer): void {
    if (this.isOver) return;
    this.#writeHeld();
    this.#held = chunk;
  }

  onFlush(): void {
    if (!this.isOver) this.#writeHeld();
  }

  onEnd(trailers: readonly string[]): void {
    this.service = undefined;
    if (this.isOver) return;
    this.flushHead();
    this.#trailers = trailers;
    const last = this.#held;
    this.#held = undefined;
    if (!this.#stream.writableEnded) {
      if (last === undefined) this.#stream.end();
      else this.#stream.end(last, freeWhenWritten(last));
    }
    this.#finishAnswer();
  }

  onSwitch(head: ResponseHead, service: Socket, rest: Buffer): void {
    if (this.isOver || this.#stream.destroyed || !isAcceptedBy(head, this.head.webSocketKey ?? '')) {
      service.destroy();
      this.onFailure(new Error('101 for another handshake'), true);
      return;
    }
    this.#status = 200;
    const headers = toHeaders(200, cleanAnswerFields(head, this.core.answerRules));
    delete headers['sec-websocket-accept'];
    this.#stream.respond(headers);
    if (rest.length > 0) this.#stream.write(rest);
    this.core.webSockets++;
    this.arrival.onPassed();
    service.once('close', () => {
      this.core.webSockets--;
      this.#onClose();
    });
    this.#stream.once('close', () => service.destroy());
    splice(this.#stream, service);
  }

  destroy(): void {
    this.abandon();
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    this.#stream.destroy();
  }

  #writeHeld(): void {
    const chunk = this.#held;
    this.#held = undefined;
    if (chunk !== undefined) this.flushHead();
    if (chunk === undefined || this.#stream.destroyed || this.#stream.write(chunk, freeWhenWritten(chunk)))
      return;
    if (this.#isWaitingForStream) return;
    this.#isWaitingForStream = true;
    this.service?.pause();
    this.#stream.once('drain', () => {
      this.#isWaitingForStream = false;
      this.service?.resume();
    });
  }

  #sendTrailers(): void {
    if (!this.#stream.destroyed) this.#stream.sendTrailers(toHeaders(undefined, this.#trailers));
  }

  #inform(headers: OutgoingHttpHeaders): void {
    if (!this.#stream.destroyed && !this.#stream.headersSent) this.#stream.additionalHeaders(headers);
  }

  #finishAnswer(): void {
    this.finish(this.#status);
    this.service?.abort();
    this.service = undefined;
    if (this.#isUploadDone) return;
    // The visitor need not send the rest (RFC 9113 §8.1).
    const stream = this.#stream;
    if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
    else stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #onStreamClose(): void {
    this.#connection.countReset(this.#stream.rstCode);
    this.#onClose();
  }

  #onClose(): void {
    if (!this.isOver) {
      if (this.isUpgrade && this.#status === 200) this.finish(200);
      else this.abandon();
    }
    this.#connection.onExchangeClosed(this);
  }
}

function toHeaders(status: number | undefined, fields: readonly string[]): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = status === undefined ? {} : { ':status': status };
  for (let index = 0; index < fields.length; index += 2) {
    addField(headers, fields[index] as string, fields[index + 1] as string);
  }
  return headers;
}

function addField(headers: OutgoingHttpHeaders, name: string, value: string): void {
  const lower = name.toLowerCase();
  const before = headers[lower];
  if (before === undefined) headers[lower] = value;
  else if (Array.isArray(before)) before.push(value);
  else headers[lower] = [String(before), value];
}
