import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import {
  type ClientHttp2Session,
  type SecureClientSessionOptions,
  connect as connectHttp2,
} from 'node:http2';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { type Limits, limitsSchema } from '../../src/config/schema.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { Log, LogFields } from '../../src/core/log.ts';
import type {
  CertificatePair,
  CertificateStore,
  Door,
  DoorKind,
  Edge,
  EdgeService,
  Target,
} from '../../src/edge/contract.ts';
import { startEdge } from '../../src/edge/edge.ts';
import { makeDemoCertificate } from '../../src/demo/certificate.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { waitFor } from './wait-for.ts';
import { TestGatekeeper } from './edge-gatekeeper.ts';
import { makeTestFolder } from './temporary-folder.ts';

export const NAME = 'chat.localhost';
export const VISITOR = '203.0.113.7';
export const PROXY_LINE = `PROXY TCP4 ${VISITOR} 198.51.100.1 50000 443\r\n`;

/** Certificates that a test changes under the edge's feet. */
export class TestCertificates implements CertificateStore {
  readonly pairs = new Map<string, CertificatePair>();
  readonly challenges = new Map<string, CertificatePair>();
  readonly #listeners = new Set<(name: string) => void>();

  findChallenge(serverName: string): CertificatePair | undefined {
    return this.challenges.get(serverName);
  }

  find(serverName: string): CertificatePair | undefined {
    return this.pairs.get(serverName);
  }

  onChange(callback: (name: string) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  async make(name: string): Promise<void> {
    this.pairs.set(name, (await makeDemoCertificate(name, Date.now())).pair);
    for (const listener of this.#listeners) listener(name);
  }
}

/** A log that a test reads. */
export class TestLog implements Log {
  readonly lines: { level: string; fields: LogFields; message: string }[] = [];
  keepsLines = true;
  debug = (fields: LogFields, message: string): void => this.#add('debug', fields, message);
  info = (fields: LogFields, message: string): void => this.#add('info', fields, message);
  warn = (fields: LogFields, message: string): void => this.#add('warn', fields, message);
  error = (fields: LogFields, message: string): void => this.#add('error', fields, message);

  child(): Log {
    return this;
  }

  #add(level: string, fields: LogFields, message: string): void {
    if (this.keepsLines) this.lines.push({ level, fields, message });
  }
}

export interface TestEdgeOptions {
  readonly target: Target;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  readonly publicPort?: number;
  readonly services?: readonly (Partial<EdgeService> & { readonly name: string })[];
  readonly gate?: string;
  readonly doorKind?: DoorKind;
  readonly hstsSeconds?: number;
  readonly isOwnAddress?: (address: string) => boolean;
}

export interface TlsOptions {
  readonly name?: string;
  readonly alpn?: string[];
  readonly session?: Buffer;
  readonly version?: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
}

/** A running edge with one door, and clients that come in as the relay's nginx would pass them on. */
export class TestEdge {
  readonly edge: Edge;
  readonly gatekeeper: TestGatekeeper;
  readonly certificates: TestCertificates;
  readonly log: TestLog;
  readonly door: Door;
  readonly folder: string;
  readonly #open = new Set<{ destroy(): unknown }>();

  private constructor(
    parts: Pick<TestEdge, 'edge' | 'gatekeeper' | 'certificates' | 'log' | 'door' | 'folder'>,
  ) {
    this.edge = parts.edge;
    this.gatekeeper = parts.gatekeeper;
    this.certificates = parts.certificates;
    this.log = parts.log;
    this.door = parts.door;
    this.folder = parts.folder;
  }

  static async start(options: TestEdgeOptions): Promise<TestEdge> {
    const folder = makeTestFolder('postern-edge-');
    const gatekeeper = new TestGatekeeper();
    const certificates = new TestCertificates();
    const log = new TestLog();
    const named = options.services ?? [{ name: NAME }];
    for (const { name } of named) await certificates.make(name);
    const edge = await startEdge({
      services: named.map((service) => ({
        target: options.target,
        access: 'login',
        isPathDenied: () => false,
        ...service,
      })),
      gate: options.gate,
      gatekeeper,
      certificates,
      limits: { ...limitsSchema.parse({}), ...options.limits },
      clock: options.clock ?? systemClock,
      log,
      canaryKey: randomBytes(32),
      publicPort: options.publicPort ?? 443,
      ...(options.hstsSeconds === undefined ? {} : { hstsSeconds: options.hstsSeconds }),
      ...(options.isOwnAddress === undefined ? {} : { isOwnAddress: options.isOwnAddress }),
    });
    const door = await edge.openDoor(options.doorKind ?? 'link-tls', { path: join(folder, 'edge.sock') });
    return new TestEdge({ edge, gatekeeper, certificates, log, door, folder });
  }

  get doorPath(): string {
    return 'path' in this.door.address ? this.door.address.path : '';
  }

  /** A bare connection to the door. */
  connectRaw(path = this.doorPath): Socket {
    return this.keep(connect({ path }));
  }

  /** The same over the door of another process. */
  connectTlsAt(path: string, options: TlsOptions = {}): Promise<TLSSocket> {
    return this.secureOver(this.connectRaw(path), PROXY_LINE, options);
  }

  /** A connection with a PROXY header and TLS, ready for a request. */
  connectTls(options: TlsOptions & { proxyLine?: string } = {}): Promise<TLSSocket> {
    return this.secureOver(this.connectRaw(), options.proxyLine ?? PROXY_LINE, options);
  }

  /** TLS over a connection to the door, after `first`. */
  secureOver(raw: Socket, first: string, options: TlsOptions = {}): Promise<TLSSocket> {
    raw.write(first, 'latin1');
    return new Promise((resolve, reject) => {
      const secure = connectTls(
        {
          socket: raw,
          servername: options.name ?? NAME,
          rejectUnauthorized: false,
          ALPNProtocols: options.alpn ?? ['http/1.1'],
          ...(options.session ? { session: options.session } : {}),
          ...(options.version ? { minVersion: options.version, maxVersion: options.version } : {}),
        },
        // Node calls from the middle of OpenSSL's read; a test that closes there would end the process.
        () => setImmediate(() => resolve(secure)),
      );
      this.keep(secure);
      secure.on('error', reject);
      secure.once('close', () => reject(new Error('closed before TLS was done')));
    });
  }

  /** An HTTP/2 session. */
  async connectHttp2(options: Partial<SecureClientSessionOptions> = {}): Promise<ClientHttp2Session> {
    const secure = await this.connectTls({ alpn: ['h2'] });
    const session = connectHttp2(`https://${NAME}`, { ...options, createConnection: () => secure });
    session.on('error', () => {});
    return this.keep(session);
  }

  /** Closes all clients and waits until the edge has noticed. */
  async dropClients(): Promise<void> {
    for (const one of this.#open) one.destroy();
    this.#open.clear();
    await waitFor('no connection is left', 5000, () => this.edge.counts().connections === 0);
  }

  async stop(): Promise<void> {
    for (const one of this.#open) one.destroy();
    await this.edge.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Ends something with the home. */
  keep<T extends { destroy(): unknown; on(event: 'error', listener: (error: Error) => void): unknown }>(
    one: T,
  ): T {
    this.#open.add(one);
    one.on('error', () => {});
    return one;
  }
}
