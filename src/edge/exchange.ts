import type { Socket } from 'node:net';
import type { ClientAddress, GateResponse, Principal } from './auth/contract.ts';
import type { EdgeCore, RunningService } from './core.ts';
import { renderRefusal } from './pages/error-page.ts';
import type { ResponseHead } from './proxy/response-head.ts';
import type { AnswerHandler, ServiceConnection, ServiceRequest } from './proxy/service-connection.ts';
import { ServiceBusy } from './proxy/service-pool.ts';
import { type BodyFraming, framingLines, stampForwarded, writeServiceHead } from './request/forwarded.ts';
import type { RequestHead } from './request/request-head.ts';
import { UPGRADE_LINES } from './request/websocket.ts';
import type { Arrival } from './visitor.ts';

/** Methods that may be sent again when a kept connection turned out to be stale (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/**
 * One request of a visitor with its answer, whatever the protocol: the way to the service and back. The subclasses know
 * how HTTP/1.1 and HTTP/2 look on the visitor's side.
 */
export abstract class Exchange implements AnswerHandler {
  readonly core: EdgeCore;
  readonly arrival: Arrival;
  readonly head: RequestHead;
  readonly client: ClientAddress;
  readonly isUpgrade: boolean;
  /** Set when the request was allowed. */
  principal: Principal | undefined;
  protected service: ServiceConnection | undefined;
  protected framing: BodyFraming = 'none';
  /** When the last piece of the upload came, on the sweeper's clock; `undefined` when nothing is being waited for. */
  uploadSinceMs: number | undefined;
  protected isOver = false;
  #request: ServiceRequest | undefined;
  #running: RunningService | undefined;
  readonly #startedMs: number;

  constructor(
    core: EdgeCore,
    arrival: Arrival,
    client: ClientAddress,
    head: RequestHead,
    isUpgrade: boolean,
  ) {
    this.core = core;
    this.arrival = arrival;
    this.client = client;
    this.head = head;
    this.isUpgrade = isUpgrade;
    this.#startedMs = core.options.clock.monotonicMs();
    core.requests++;
  }

  /** The visitor's connection now belongs to somebody who has signed in. */
  abstract markSignedIn(principal: Principal): void;
  /** Answers without the service. A body that the visitor is still sending is not waited for. */
  abstract answer(response: GateResponse): void;
  /** Reads the whole body of the request; rejects when it is longer or the visitor has gone. */
  abstract readBody(maxBytes: number): Promise<Uint8Array>;
  /** Breaks off: the visitor sees that the answer is not whole. */
  abstract destroy(): void;
  /** Is a body of unknown length following without a framing of its own (HTTP/2)? */
  protected abstract get hasUnframedBody(): boolean;
  protected abstract startUpload(): void;
  protected abstract get hasAnswered(): boolean;
  abstract onInformational(head: ResponseHead): void;
  abstract onHead(head: ResponseHead): void;
  abstract onBody(chunk: Buffer): void;
  abstract onEnd(trailers: readonly string[]): void;
  abstract onFlush(): void;
  abstract onUploadDrain(): void;
  abstract onSwitch(head: ResponseHead, socket: Socket, rest: Buffer): void;

  /** Passes the request on, with the fields of the edge and without its credentials. */
  forward(running: RunningService, host: string, removeAuthorization: boolean): void {
    const { head } = this;
    this.framing = this.#chooseFraming();
    const credentials = {
      cookie: head.cookie === undefined ? undefined : this.core.gatekeeper.withoutOwnCookies(head.cookie),
      authorization: removeAuthorization ? undefined : head.authorization,
    };
    const text = writeServiceHead(
      head,
      host,
      stampForwarded(this.client.text, host),
      credentials,
      this.isUpgrade ? UPGRADE_LINES : this.#hopLines(),
    );
    this.#running = running;
    this.#request = { head: text, method: head.method, framing: this.framing, isUpgrade: this.isUpgrade };
    this.#send(false);
    if (this.service && this.framing !== 'none') this.startUpload();
  }

  #chooseFraming(): BodyFraming {
    if (this.isUpgrade) return 'none';
    if (this.head.transferEncoding !== undefined) return 'chunked';
    if (this.head.contentLength !== undefined) return Number(this.head.contentLength) > 0 ? 'length' : 'none';
    return this.hasUnframedBody ? 'chunked' : 'none';
  }

  #hopLines(): string {
    const framing = framingLines(this.head, this.framing);
    return this.head.expect !== undefined && this.framing !== 'none'
      ? `${framing}Expect: 100-continue\r\n`
      : framing;
  }

  #send(isRetry: boolean): void {
    try {
      this.service = this.#running?.pool.send(this.#request as ServiceRequest, this, isRetry);
    } catch (error) {
      this.service = undefined;
      this.onFailure(error instanceof Error ? error : new Error('not sent'), true);
    }
  }

  onFailure(error: Error, isFresh: boolean): void {
    this.service = undefined;
    if (this.isOver) return;
    if (!isFresh && this.framing === 'none' && !this.isUpgrade && IDEMPOTENT.has(this.head.method)) {
      return this.#send(true);
    }
    this.core.options.log.warn(
      { service: this.#running?.service.name, reason: error.message },
      'the service did not answer as it should',
    );
    if (this.hasAnswered) return this.destroy();
    const status = error instanceof ServiceBusy ? 503 : 502;
    this.answer(renderRefusal(status, this.head));
  }

  /** The visitor has gone, or is made to go: the service hears of it at once. */
  abandon(): void {
    if (this.isOver) return;
    this.finish(499);
    this.service?.abort();
    this.service = undefined;
  }

  /** Notes the end of the exchange; everything after it is silent. */
  protected finish(status: number): void {
    this.isOver = true;
    this.uploadSinceMs = undefined;
    const { head, core } = this;
    core.options.log.info(
      {
        service: head.host,
        method: head.method,
        path: head.path.slice(0, 200),
        status,
        ms: Math.round(core.options.clock.monotonicMs() - this.#startedMs),
        client: this.client.text,
      },
      'request',
    );
    if (status !== 499) this.arrival.onPassed();
  }
}
