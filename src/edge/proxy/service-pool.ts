import { type NetConnectOpts, type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import type { Target } from '../contract.ts';
import {
  type AnswerHandler,
  type ConnectionOwner,
  ServiceConnection,
  type ServiceRequest,
} from './service-connection.ts';

/** How long a service may take to accept a connection. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Connections to one service; a visitor beyond that is told that it is busy. */
const MAX_CONNECTIONS = 2048;
/** Node's own servers close an idle connection after 5 s without saying so: ours must be first. */
const DEFAULT_IDLE_MS = 4000;
const MAX_IDLE_MS = 30_000;

/** No connection to the service was to be had. */
export class ServiceBusy extends Error {
  override readonly name = 'ServiceBusy';
}

/** The connections to one service. */
export class ServicePool implements ConnectionOwner {
  readonly #target: Target;
  readonly #clock: Clock;
  /** The last one used is the first one taken: the others may grow old. */
  readonly #idle: ServiceConnection[] = [];
  readonly #all = new Set<ServiceConnection>();

  constructor(target: Target, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  /**
   * Sends a request on an idle connection, or on a new one.
   * @param isFreshNeeded the request was sent before on a stale connection
   * @throws ServiceBusy
   */
  send(request: ServiceRequest, handler: AnswerHandler, isFreshNeeded = false): ServiceConnection {
    const connection = (isFreshNeeded ? undefined : this.#takeIdle()) ?? this.#open();
    connection.send(request, handler);
    return connection;
  }

  onReusable(connection: ServiceConnection): void {
    const seconds = connection.keepAliveSeconds;
    const promisedMs =
      seconds === undefined || Number.isNaN(seconds) ? DEFAULT_IDLE_MS : (seconds - 1) * 1000;
    connection.idleUntilMs = this.#clock.monotonicMs() + Math.min(MAX_IDLE_MS, promisedMs);
    this.#idle.push(connection);
  }

  onGone(connection: ServiceConnection): void {
    this.#all.delete(connection);
    const index = this.#idle.lastIndexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /** Closes connections that have been idle for too long. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const connection of this.#idle.filter(({ idleUntilMs }) => idleUntilMs <= nowMs)) connection.abort();
  }

  closeAll(): void {
    for (const connection of this.#all) connection.abort();
  }

  #takeIdle(): ServiceConnection | undefined {
    const connection = this.#idle.pop();
    if (connection === undefined) return undefined;
    if (connection.idleUntilMs > this.#clock.monotonicMs()) return connection;
    connection.abort();
    this.sweep();
    return this.#idle.pop();
  }

  #open(): ServiceConnection {
    if (this.#all.size >= MAX_CONNECTIONS) throw new ServiceBusy('too many connections to the service');
    const socket = openSocket(this.#target);
    const connection = new ServiceConnection(socket, this);
    this.#all.add(connection);
    const timer = this.#clock.after(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('connect timed out')));
    const stopWaiting = (): void => timer.cancel();
    socket.once(this.#target.kind === 'tcp' && this.#target.tls ? 'secureConnect' : 'connect', stopWaiting);
    socket.once('close', stopWaiting);
    return connection;
  }
}

/**
 * A service on this very machine may show any certificate (nobody is between us and it); a service elsewhere in the
 * network must show one that the system trusts.
 */
function openSocket(target: Target): Socket {
  if (target.kind === 'unix') return connect({ path: target.path });
  const options: NetConnectOpts = { host: target.host, port: target.port, noDelay: true };
  if (!target.tls) return connect(options);
  const isLoopback = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/.test(target.host);
  const isName = /[a-z]/i.test(target.host) && !target.host.includes(':');
  const socket = connectTls({
    host: target.host,
    port: target.port,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: !isLoopback,
    ...(isName ? { servername: target.host } : {}),
  });
  socket.setNoDelay(true);
  return socket;
}
