import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientAddress, Principal, Revocation } from '../auth/contract.ts';
import type { EdgeCore } from '../core.ts';
import { handleRequest } from '../handle-request.ts';
import { UNKNOWN_CLIENT, isNobodys, toClientAddress } from '../intake/client-address.ts';
import { type HeadRefusal, readRequestHead } from '../request/request-head.ts';
import { isWebSocketHandshake } from '../request/websocket.ts';
import { type Arrival, type VisitorConnection, isRevoked } from '../visitor.ts';
import { Http1Exchange } from './exchange.ts';
import { lingerAndClose } from './linger.ts';
import { writeRefusal } from './refusal.ts';

/** Requests that a visitor may send ahead of their answers. */
const MAX_PIPELINED = 32;

/**
 * While draining, a visitor who asked something this lately is given the time to ask once more, and its answer says
 * `Connection: close`. HTTP/1.1 has no other way to announce an end: a connection that is closed at once loses the request
 * that is already under way on it (RFC 9112 §9.6).
 */
const LAST_REQUEST_MS = 5000;

type Waiting = readonly [IncomingMessage, ServerResponse];

/** A visitor's HTTP/1.1 connection: one exchange at a time, or the tunnel of a WebSocket. */
export class Http1Connection implements VisitorConnection {
  readonly core: EdgeCore;
  readonly arrival: Arrival;
  readonly socket: Socket;
  #exchange: Http1Exchange | undefined;
  #tunnel: Socket | undefined;
  readonly #waiting: Waiting[] = [];
  #isClosing = false;
  /** Since when there is no request, and how many bytes had come by then: more bytes are the start of a head. */
  #idleSinceMs: number;
  #idleBytes = 0;
  #headSinceMs: number | undefined;

  constructor(core: EdgeCore, arrival: Arrival, socket: Socket) {
    this.core = core;
    this.arrival = arrival;
    this.socket = socket;
    this.#idleSinceMs = core.sweeper.nowMs;
    socket.on('drain', () => this.#exchange?.onVisitorDrain());
    socket.on('close', () => this.#onClose());
    arrival.seat.isBusy = () => this.#exchange !== undefined;
    core.visitors.add(this);
    core.sweeper.add(this);
  }

  onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isClosing) return;
    this.#headSinceMs = undefined;
    if (this.#exchange === undefined) return this.#start(request, response);
    if (this.#waiting.push([request, response]) > MAX_PIPELINED) this.socket.destroy();
  }

  /** Node's parser has let go of the socket: it is ours, with the bytes that came behind the request. */
  onUpgrade(request: IncomingMessage, early: Buffer): void {
    if (this.#exchange !== undefined || this.#isClosing) return void this.socket.destroy();
    const head = this.#readHead(request);
    if (typeof head === 'number') return this.#refuse(head);
    if (!isWebSocketHandshake(head)) return this.#refuse(400);
    if (early.length > 0) this.socket.unshift(early);
    this.#exchange = new Http1Exchange(this, request, undefined, this.#clientOf(head.forwardedFor), head);
    handleRequest(this.core, this.#exchange);
  }

  /** What came is no HTTP. An answer that has begun cannot be helped any more. */
  onBadRequest(status: 400 | 408 | 431): void {
    if (this.#exchange !== undefined || !this.socket.writable) return void this.socket.destroy();
    this.#refuse(status);
  }

  /** The present exchange has been answered. */
  onAnswered(closes: boolean, isUploadDone: boolean): void {
    this.#exchange = undefined;
    if (closes) {
      this.#isClosing = true;
      return lingerAndClose(this.socket, isUploadDone, this.core.options.clock);
    }
    this.#idleSinceMs = this.core.sweeper.nowMs;
    this.#idleBytes = this.socket.bytesRead;
    const next = this.#waiting.shift();
    if (next) this.#start(next[0], next[1]);
  }

  startTunnel(exchange: Http1Exchange, service: Socket): void {
    this.#tunnel = service;
    this.core.webSockets++;
    service.once('close', () => {
      this.core.webSockets--;
      exchange.endTunnel();
    });
  }

  /** The next answer is the last one, see `Http1Exchange`; who asks nothing any more is met by the sweeper. */
  drain(): void {}

  destroy(): void {
    this.socket.destroy();
  }

  principals(): Iterable<Principal | undefined> {
    return [this.#exchange?.principal];
  }

  revoke(revocation: Revocation): void {
    if (isRevoked(this.#exchange?.principal, revocation)) this.socket.destroy();
  }

  sweep(nowMs: number): void {
    const { limits } = this.core.options;
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      exchange.flushHead();
      const sinceMs = exchange.uploadSinceMs;
      if (sinceMs !== undefined && nowMs - sinceMs >= limits.bodyIdleMs) this.socket.destroy();
      return;
    }
    if (this.#isClosing) return;
    if (this.#headSinceMs === undefined && this.socket.bytesRead > this.#idleBytes) this.#headSinceMs = nowMs;
    if (this.#headSinceMs !== undefined) {
      if (nowMs - this.#headSinceMs >= limits.headerMs) this.#refuse(408);
      return;
    }
    const mostMs = this.core.isDraining
      ? Math.min(LAST_REQUEST_MS, limits.idleKeepAliveMs)
      : limits.idleKeepAliveMs;
    if (nowMs - this.#idleSinceMs >= mostMs) this.#closeIdle();
  }

  #start(request: IncomingMessage, response: ServerResponse): void {
    const head = this.#readHead(request);
    if (typeof head === 'number') return this.#refuse(head);
    this.#exchange = new Http1Exchange(this, request, response, this.#clientOf(head.forwardedFor), head);
    handleRequest(this.core, this.#exchange);
  }

  #readHead(request: IncomingMessage): ReturnType<typeof readRequestHead> {
    return readRequestHead(
      request.method ?? '',
      request.url ?? '',
      request.rawHeaders,
      false,
      this.core.options.limits,
    );
  }

  /** Behind the relay's nginx, the one X-Forwarded-For that it writes is the address (tls: relay). */
  #clientOf(forwardedFor: string | undefined): ClientAddress {
    if (this.arrival.doorKind === 'link-tls') return this.arrival.client;
    const { isOwnAddress = isNobodys } = this.core.options;
    return forwardedFor === undefined ? UNKNOWN_CLIENT : toClientAddress(forwardedFor, isOwnAddress);
  }

  #refuse(status: HeadRefusal | 408): void {
    this.#isClosing = true;
    this.socket.write(writeRefusal(status, this.core.answerRules), 'latin1');
    this.arrival.onPassed();
    lingerAndClose(this.socket, false, this.core.options.clock);
  }

  #closeIdle(): void {
    this.#isClosing = true;
    this.socket.destroySoon();
  }

  #onClose(): void {
    this.#exchange?.abandon();
    this.#tunnel?.destroy();
    this.core.visitors.delete(this);
    this.core.sweeper.delete(this);
  }
}
