import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ClientHelloReader } from '../../core/client-hello.ts';
import type { EdgeCore } from '../core.ts';
import type { Sweepable } from '../limits/sweeper.ts';
import type { ClientAddress } from '../auth/contract.ts';
import type { Place, Seat } from '../limits/connection-limits.ts';
import { type StartTls, type TlsServers, asksForChallenge } from '../tls/tls-servers.ts';
import type { Arrival } from '../visitor.ts';
import { UNKNOWN_CLIENT, isNobodys, toClientAddress } from './client-address.ts';
import { readProxyHeader } from './proxy-header.ts';

/** What an intake needs besides the edge's core. */
export interface IntakeOptions {
  readonly tls: TlsServers;
  readonly seat: Seat;
  readonly onPassed: () => void;
  /** TLS is done. */
  readonly onSecure: (socket: TLSSocket, arrival: Arrival) => void;
}

const NOTHING = Buffer.alloc(0);

/**
 * A connection on its way from the relay to HTTP: PROXY header → ClientHello → TLS. Each stage has its own deadline;
 * what is odd, late or too much is closed without a word.
 */
export class Intake implements Sweepable {
  readonly #core: EdgeCore;
  readonly #options: IntakeOptions;
  readonly #socket: Socket;
  #stage: 'proxy-header' | 'client-hello' | 'handshake' = 'proxy-header';
  #deadlineMs: number;
  /** The beginning of a PROXY header. */
  #bytes: Buffer = NOTHING;
  #hello: ClientHelloReader | undefined;
  #client: ClientAddress = UNKNOWN_CLIENT;
  #place: Place | undefined;
  readonly #onData = (chunk: Buffer): void => this.#read(chunk);

  constructor(core: EdgeCore, options: IntakeOptions, socket: Socket) {
    this.#core = core;
    this.#options = options;
    this.#socket = socket;
    this.#deadlineMs = core.sweeper.nowMs + core.options.limits.proxyHeaderMs;
    socket.on('data', this.#onData);
    socket.on('close', () => this.#onClose());
    core.sweeper.add(this);
  }

  sweep(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#stage === 'client-hello') return this.#readClientHello(chunk);
    this.#readProxyHeader(chunk);
  }

  #readProxyHeader(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const header = readProxyHeader(this.#bytes);
    if (header.kind === 'more') return;
    if (header.kind === 'bad') return void this.#socket.destroy();
    const { isOwnAddress = isNobodys } = this.#core.options;
    this.#client =
      header.source === undefined ? UNKNOWN_CLIENT : toClientAddress(header.source, isOwnAddress);
    this.#place = this.#core.connectionLimits.takePlace(this.#client.bucket);
    if (!this.#place) return void this.#socket.destroy();
    this.#stage = 'client-hello';
    this.#deadlineMs = this.#core.sweeper.nowMs + this.#core.options.limits.clientHelloMs;
    this.#readClientHello(this.#bytes.subarray(header.length));
    this.#bytes = NOTHING;
  }

  #readClientHello(chunk: Buffer): void {
    this.#hello ??= new ClientHelloReader();
    const hello = this.#hello.push(chunk);
    if (hello.kind === 'more') return;
    const startTls = hello.kind === 'done' ? this.#findTls(hello.serverName, hello.protocols) : undefined;
    if (hello.kind === 'bad' || startTls === undefined) return void this.#socket.destroy();
    this.#handOver(startTls, hello.serverName as string);
  }

  #findTls(serverName: string | undefined, protocols: readonly string[]): StartTls | undefined {
    if (serverName === undefined) return undefined;
    const { tls } = this.#options;
    try {
      const challenge = asksForChallenge(protocols) ? tls.findChallenge(serverName) : undefined;
      return challenge ?? tls.find(serverName);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      this.#core.options.log.error({ service: serverName, reason }, 'the certificate cannot be used');
      return undefined;
    }
  }

  #handOver(startTls: StartTls, serverName: string): void {
    this.#stage = 'handshake';
    this.#deadlineMs = this.#core.sweeper.nowMs + this.#core.options.limits.tlsHandshakeMs;
    this.#socket.removeListener('data', this.#onData);
    this.#socket.pause();
    this.#socket.unshift(this.#hello?.received);
    this.#hello = undefined;
    startTls(this.#socket, (secure) => {
      this.#core.sweeper.delete(this);
      this.#options.onSecure(secure, this.#arrival(serverName));
    });
  }

  #arrival(serverName: string): Arrival {
    return {
      doorKind: 'link-tls',
      client: this.#client,
      serverName,
      seat: this.#options.seat,
      place: this.#place as Place,
      onPassed: this.#options.onPassed,
    };
  }

  #onClose(): void {
    this.#core.sweeper.delete(this);
    this.#place?.release();
  }
}
