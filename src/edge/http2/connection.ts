import {
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  performServerHandshake,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Principal, Revocation } from '../auth/contract.ts';
import type { EdgeCore } from '../core.ts';
import { handleRequest } from '../handle-request.ts';
import { type Arrival, type VisitorConnection, isRevoked } from '../visitor.ts';
import { Http2Exchange } from './exchange.ts';
import { readHttp2Head } from './head.ts';

/**
 * Windows for visitors who have signed in: an upload over a long way moves one window per round trip. Strangers keep
 * HTTP/2's 64 KiB, so that they cannot make the edge hold much.
 */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;

const RESET_PERIOD_MS = 10_000;

/**
 * How long a visitor who has been told of the end has to close the connection: closing it at once could reset it before
 * the visitor has read why. Streams that were under way when we told it are past the last one that GOAWAY names, so that
 * they may be asked again elsewhere, whatever their method (RFC 9113 §6.8, §8.7). A first GOAWAY that names no stream yet
 * would let them in: nghttp2 has it, Node gives no way to it, and takes no stream after any GOAWAY that it can send.
 */
const NOTICE_MS = 1000;

/** Room beyond our own limits, so that a head over them gets its 431 instead of a reset. */
const FIELD_OVERHEAD_BYTES = 32;

/** Starts HTTP/2 on a connection whose TLS is done. */
export function acceptHttp2(core: EdgeCore, arrival: Arrival, socket: TLSSocket): void {
  const { limits } = core.options;
  const session = performServerHandshake(socket, {
    maxHeaderListPairs: limits.headerFields * 2 + 16,
    // Bounds what nghttp2 itself takes of resets (CVE-2023-44487); ours below counts over the whole period.
    streamResetBurst: limits.http2ResetsPer10s,
    streamResetRate: Math.ceil(limits.http2ResetsPer10s / 10),
    maxSessionInvalidFrames: 100,
    strictSingleValueFields: false,
    settings: {
      maxConcurrentStreams: limits.http2Streams,
      maxHeaderListSize: limits.headerBytes + limits.headerFields * FIELD_OVERHEAD_BYTES,
      // RFC 8441: WebSockets on a stream of their own.
      enableConnectProtocol: true,
    },
  });
  new Http2Connection(core, arrival, session);
}

/** A visitor's HTTP/2 connection with its exchanges. */
export class Http2Connection implements VisitorConnection {
  readonly core: EdgeCore;
  readonly arrival: Arrival;
  readonly #session: ServerHttp2Session;
  readonly #exchanges = new Set<Http2Exchange>();
  #principal: Principal | undefined;
  #idleSinceMs: number;
  #resets = 0;
  #resetsSinceMs = 0;
  #noticeSinceMs: number | undefined;

  constructor(core: EdgeCore, arrival: Arrival, session: ServerHttp2Session) {
    this.core = core;
    this.arrival = arrival;
    this.#session = session;
    this.#idleSinceMs = core.sweeper.nowMs;
    session.on('stream', (stream, headers, _flags, rawHeaders) =>
      this.#onStream(stream, headers, rawHeaders),
    );
    session.on('error', () => session.destroy());
    session.on('close', () => this.#onClose());
    arrival.seat.isBusy = () => this.#exchanges.size > 0;
    core.visitors.add(this);
    core.sweeper.add(this);
    if (core.isDraining) this.drain();
  }

  /** The visitor has signed in: bigger windows from now on. */
  markSignedIn(principal: Principal): void {
    const isFirst = this.#principal === undefined;
    this.#principal = principal;
    if (!isFirst || this.#session.destroyed) return;
    this.arrival.seat.markSignedIn();
    this.arrival.place.markSignedIn();
    this.#session.settings({ initialWindowSize: STREAM_WINDOW_BYTES });
    this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
  }

  onExchangeClosed(exchange: Http2Exchange): void {
    this.#exchanges.delete(exchange);
    if (this.#exchanges.size === 0) this.#idleSinceMs = this.core.sweeper.nowMs;
  }

  drain(): void {
    if (this.#session.closed || this.#noticeSinceMs !== undefined) return;
    this.#noticeSinceMs = this.core.sweeper.nowMs;
    this.#session.goaway(constants.NGHTTP2_NO_ERROR);
  }

  destroy(): void {
    this.#session.destroy();
  }

  *principals(): Iterable<Principal | undefined> {
    for (const exchange of this.#exchanges) yield exchange.principal;
  }

  revoke(revocation: Revocation): void {
    for (const exchange of this.#exchanges) if (isRevoked(exchange.principal, revocation)) exchange.destroy();
    if (isRevoked(this.#principal, revocation)) this.#close();
  }

  sweep(nowMs: number): void {
    const { limits } = this.core.options;
    if (this.#noticeSinceMs !== undefined && nowMs - this.#noticeSinceMs >= NOTICE_MS) this.#close();
    if (this.#exchanges.size === 0) {
      if (nowMs - this.#idleSinceMs >= limits.idleKeepAliveMs) this.#session.destroy();
      return;
    }
    for (const exchange of this.#exchanges) {
      exchange.flushHead();
      const sinceMs = exchange.uploadSinceMs;
      if (sinceMs !== undefined && nowMs - sinceMs >= limits.bodyIdleMs) exchange.destroy();
    }
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    stream.on('error', ignoreError);
    const head = readHttp2Head(headers, rawHeaders, this.core.options.limits);
    if (typeof head === 'number') {
      stream.once('close', () => this.countReset(stream.rstCode));
      return refuse(stream, head);
    }
    const exchange = new Http2Exchange(this, stream, head.request, head.isWebSocket);
    this.#exchanges.add(exchange);
    handleRequest(this.core, exchange);
  }

  /** Streams that are opened and thrown away at once cost the service work: too many end the connection. */
  countReset(code: number | undefined): void {
    if (code === undefined || code === constants.NGHTTP2_NO_ERROR || this.#session.destroyed) return;
    const nowMs = this.core.sweeper.nowMs;
    if (nowMs - this.#resetsSinceMs >= RESET_PERIOD_MS) {
      this.#resetsSinceMs = nowMs;
      this.#resets = 0;
    }
    if (++this.#resets > this.core.options.limits.http2ResetsPer10s) {
      this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  }

  /** What runs goes on to its end, nothing new begins. */
  #close(): void {
    if (!this.#session.closed) this.#session.close();
  }

  #onClose(): void {
    for (const exchange of this.#exchanges) exchange.abandon();
    this.core.visitors.delete(this);
    this.core.sweeper.delete(this);
  }
}

/** A stream that breaks says so by `close` too. */
function ignoreError(): void {}

function refuse(stream: ServerHttp2Stream, status: number): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': status }, { endStream: true });
  if (!stream.endAfterHeaders) stream.close(constants.NGHTTP2_NO_ERROR);
}
