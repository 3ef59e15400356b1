import type { Socket } from 'node:net';
import type { Timer } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { Revocation } from './auth/contract.ts';
import { Canary } from './canary.ts';
import type {
  Door,
  DoorAddress,
  DoorKind,
  Edge,
  EdgeCounts,
  EdgeOptions,
  ProbeAnswer,
  ServiceState,
  UpgradeAnswer,
} from './contract.ts';
import type { EdgeCore, RunningService } from './core.ts';
import { type DoorServers, openDoor } from './door.ts';
import { createHttp1Server } from './http1/server.ts';
import { ConnectionLimits } from './limits/connection-limits.ts';
import { Sweeper } from './limits/sweeper.ts';
import { DEFAULT_HSTS_SECONDS } from './proxy/answer-policy.ts';
import { askAsStranger } from './proxy/probe.ts';
import { ServicePool } from './proxy/service-pool.ts';
import { openAsStranger } from './proxy/upgrade-probe.ts';
import { TlsServers } from './tls/tls-servers.ts';

/**
 * Starts the edge: the HTTPS endpoint at home, without a door yet.
 *
 * The way of a request: door → PROXY header → ClientHello → TLS (`intake/`) → HTTP/1.1 or HTTP/2 (`http1/`, `http2/`)
 * → is it a request at all (`request/request-head.ts`) → host, canary, decision (`handle-request.ts`) → fields cleaned
 * and stamped (`request/forwarded.ts`) → the service and back (`exchange.ts`, `proxy/`) → access log.
 */
export function startEdge(options: EdgeOptions): Promise<Edge> {
  return Promise.resolve(new RunningEdge(options));
}

/** What is still running is reported as use this often: far shorter than any idle time, and no write per message. */
const USE_INTERVAL_MS = 60_000;

class RunningEdge implements Edge {
  readonly #core: EdgeCore;
  readonly #servers: DoorServers;
  readonly #doors = new Set<Door>();
  readonly #stopListening: () => void;
  readonly #useTimer: Timer;

  constructor(options: EdgeOptions) {
    this.#core = makeCore(options);
    this.#servers = {
      tls: new TlsServers(options.certificates, options.clock),
      http1: createHttp1Server(this.#core),
      sockets: new Set<Socket>(),
    };
    this.#core.sweeper.add({ sweep: () => this.#core.services.forEach(({ pool }) => pool.sweep()) });
    this.#useTimer = options.clock.every(USE_INTERVAL_MS, () => this.#noteUse());
    this.#stopListening = options.gatekeeper.onRevocation((revocation) => this.#revoke(revocation));
  }

  async openDoor(kind: DoorKind, address: DoorAddress): Promise<Door> {
    const door = await openDoor(this.#core, this.#servers, kind, address);
    this.#doors.add(door);
    return door;
  }

  setServiceState(serviceName: string, state: ServiceState): void {
    this.#service(serviceName).state = state;
  }

  askAsStranger(serviceName: string, path: string, timeoutMs: number): Promise<ProbeAnswer> {
    const { service, pool } = this.#service(serviceName);
    return askAsStranger({ service, pool, path, timeoutMs, options: this.#core.options });
  }

  openAsStranger(serviceName: string, path: string, timeoutMs: number): Promise<UpgradeAnswer> {
    const { service, pool } = this.#service(serviceName);
    return openAsStranger({ service, pool, path, timeoutMs, options: this.#core.options });
  }

  makeCanary(): { path: string; expectedBody: string } {
    return this.#core.canary.make();
  }

  counts(): EdgeCounts {
    const { connectionLimits, requests, webSockets } = this.#core;
    return { connections: connectionLimits.total, requests, webSockets };
  }

  async drain(): Promise<void> {
    this.#core.isDraining = true;
    await this.#closeDoors();
    for (const visitor of this.#core.visitors) visitor.drain();
    await this.#untilEmpty(this.#core.options.limits.drainMs);
    await this.close();
  }

  async close(): Promise<void> {
    this.#core.isDraining = true;
    await this.#closeDoors();
    this.#stopListening();
    this.#useTimer.cancel();
    // Not in the middle of OpenSSL's read, whoever calls (see TlsServers).
    await new Promise((resolve) => setImmediate(resolve));
    for (const visitor of this.#core.visitors) visitor.destroy();
    for (const socket of this.#servers.sockets) socket.destroy();
    for (const { pool } of this.#core.services.values()) pool.closeAll();
    this.#servers.tls.stop();
    this.#core.sweeper.stop();
  }

  #service(name: string): RunningService {
    const running = this.#core.services.get(name);
    if (!running) throw new PosternError('EDGE_NO_SUCH_SERVICE', { service: name });
    return running;
  }

  /** A session must not run out of idle time under an open WebSocket. */
  #noteUse(): void {
    for (const visitor of this.#core.visitors) {
      for (const principal of visitor.principals()) {
        if (principal && principal.kind !== 'open') this.#core.gatekeeper.noteUse(principal);
      }
    }
  }

  #revoke(revocation: Revocation): void {
    for (const visitor of this.#core.visitors) visitor.revoke(revocation);
  }

  async #closeDoors(): Promise<void> {
    await Promise.all([...this.#doors].map((door) => door.close()));
    this.#doors.clear();
  }

  /** Waits until nothing is connected any more, but no longer than `mostMs`. */
  #untilEmpty(mostMs: number): Promise<void> {
    const { sockets } = this.#servers;
    if (sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#core.options.clock.after(mostMs, resolve);
      for (const socket of sockets) {
        socket.once('close', () => {
          if (sockets.size > 0) return;
          timer.cancel();
          resolve();
        });
      }
    });
  }
}

function makeCore(options: EdgeOptions): EdgeCore {
  const { clock, gatekeeper } = options;
  const running = options.services.map((service): [string, RunningService] => [
    service.name,
    { service, pool: new ServicePool(service.target, clock), state: { open: true } },
  ]);
  return {
    options,
    gatekeeper,
    services: new Map(running),
    canary: new Canary(options.canaryKey, clock),
    sweeper: new Sweeper(clock),
    connectionLimits: new ConnectionLimits(options.limits),
    answerRules: {
      gatekeeper,
      isGateShared: options.gate === undefined,
      hstsSeconds: options.hstsSeconds ?? DEFAULT_HSTS_SECONDS,
    },
    visitors: new Set(),
    isDraining: false,
    requests: 0,
    webSockets: 0,
  };
}
