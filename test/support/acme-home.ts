import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type PeerCertificate, type TLSSocket, connect as connectTls } from 'node:tls';
import { limitsSchema } from '../../src/config/schema.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { AcmeSettings } from '../../src/daemon/certificate-account.ts';
import { CertificateKeeper, type KeeperOptions } from '../../src/daemon/certificate-keeper.ts';
import { type CertificateFiles, openCertificateFiles } from '../../src/daemon/certificates.ts';
import { HealthTracker } from '../../src/daemon/health/tracker.ts';
import type { Edge } from '../../src/edge/contract.ts';
import { startEdge } from '../../src/edge/edge.ts';
import { tlsAlpnSolver } from '../../src/edge/tls/acme/solvers.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { TestGatekeeper } from './edge-gatekeeper.ts';
import { PROXY_LINE, TestLog } from './edge-home.ts';
import { makeTestFolder } from './temporary-folder.ts';

export interface AcmeHomeOptions {
  readonly names: readonly string[];
  /** The clock of whoever keeps the certificates young. The edge and the files go by the machine's. */
  readonly clock?: Clock;
  /** A folder of an earlier home, to go on with. */
  readonly folder?: string;
  /** The port of the front. Default: a free one. */
  readonly port?: number;
}

/** An edge behind a port that writes PROXY headers, as the relay's nginx does, with the daemon's care for certificates. */
export class AcmeHome {
  readonly folder: string;
  /** Where visitors and authorities arrive, on loopback. */
  readonly port: number;
  readonly health: HealthTracker;
  readonly log = new TestLog();
  readonly certificates: CertificateFiles;
  isLinkUp = true;
  hasLogin = true;
  readonly #options: AcmeHomeOptions;
  readonly #edge: Edge;
  readonly #front: Server;
  readonly #sockets: Set<Socket>;
  readonly #keepers: CertificateKeeper[] = [];

  private constructor(
    options: AcmeHomeOptions,
    parts: Pick<AcmeHome, 'folder' | 'health' | 'certificates'> & {
      edge: Edge;
      front: { server: Server; sockets: Set<Socket> };
    },
  ) {
    this.#options = options;
    this.folder = parts.folder;
    this.health = parts.health;
    this.certificates = parts.certificates;
    this.#edge = parts.edge;
    this.#front = parts.front.server;
    this.#sockets = parts.front.sockets;
    this.port = (this.#front.address() as AddressInfo).port;
  }

  static async start(options: AcmeHomeOptions): Promise<AcmeHome> {
    const folder = options.folder ?? makeTestFolder('ah-');
    await mkdir(join(folder, 'certs'), { recursive: true, mode: 0o700 });
    const log = new TestLog();
    const health = new HealthTracker(options.clock ?? systemClock);
    const sources = options.names.map((name) => {
      const file = join(folder, 'certs', `${name}.pem`);
      return { name, certFile: file, keyFile: file, isOrdered: true };
    });
    const certificates = await openCertificateFiles({ sources, clock: systemClock, log, health });
    const edge = await startEdge({
      services: options.names.map((name) => ({
        name,
        target: { kind: 'tcp', host: '127.0.0.1', port: 9, tls: false },
        access: 'login',
        isPathDenied: () => false,
      })),
      gate: undefined,
      gatekeeper: new TestGatekeeper(),
      certificates,
      limits: limitsSchema.parse({}),
      clock: systemClock,
      log,
      canaryKey: randomBytes(32),
      publicPort: 443,
    });
    const path = join(folder, `${randomBytes(4).toString('hex')}.sock`);
    await edge.openDoor('link-tls', { path });
    const front = await startFront(path, options.port ?? 0);
    return new AcmeHome(options, { folder, health, certificates, edge, front });
  }

  /** Settings that reach a directory. */
  settings(directoryUrl: string, ca: string, more: Partial<AcmeSettings> = {}): AcmeSettings {
    return {
      directoryUrl,
      rehearsalUrl: directoryUrl,
      ca,
      email: 'operator@example.com',
      profile: undefined,
      challenge: 'tls-alpn-01',
      certsFolder: join(this.folder, 'certs'),
      ...more,
    };
  }

  /** The daemon's keeper of these names; not started yet. */
  keeper(settings: AcmeSettings, more: Partial<KeeperOptions> = {}): CertificateKeeper {
    const clock = this.#options.clock ?? systemClock;
    const { certificates, health, log } = this;
    const keeper = new CertificateKeeper({
      names: this.#options.names,
      settings,
      certificates,
      solver: tlsAlpnSolver((name, pair) => certificates.setChallenge(name, pair), clock),
      hasLogin: () => Promise.resolve(this.hasLogin),
      health,
      clock,
      log,
      ...more,
    });
    this.#keepers.push(keeper);
    return keeper;
  }

  /** A TLS handshake as a visitor's. @returns what was shown; rejects when the handshake was refused */
  visit(name: string, options: { ca?: string; alpn?: string[] } = {}): Promise<Shown> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({
        host: '127.0.0.1',
        port: this.port,
        servername: name,
        ALPNProtocols: options.alpn ?? ['http/1.1'],
        ...(options.ca ? { ca: options.ca } : { rejectUnauthorized: false }),
      });
      socket.setTimeout(5000, () => socket.destroy(new Error('no handshake within 5 s')));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed before the handshake was done')));
      socket.once('secureConnect', () => {
        const shown = readShown(socket);
        setImmediate(() => {
          socket.destroy();
          resolve(shown);
        });
      });
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.stop()));
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#front.close(resolve));
    await this.#edge.close();
    this.certificates.stop();
    this.health.stop();
  }
}

/** What a handshake showed. Milliseconds since 1970. */
export interface Shown {
  readonly protocol: string | false | null;
  readonly serialNumber: string;
  readonly startsMs: number;
  readonly endsMs: number;
  readonly subjectAltName: string;
}

function readShown(socket: TLSSocket): Shown {
  const peer: PeerCertificate = socket.getPeerCertificate();
  return {
    protocol: socket.alpnProtocol,
    serialNumber: peer.serialNumber,
    startsMs: Date.parse(peer.valid_from),
    endsMs: Date.parse(peer.valid_to),
    subjectAltName: peer.subjectaltname ?? '',
  };
}

function startFront(path: string, port: number): Promise<{ server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((visitor) => {
    const door = connect({ path });
    for (const [one, other] of [
      [visitor, door],
      [door, visitor],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroySoon();
      });
    }
    door.write(PROXY_LINE, 'latin1');
    visitor.pipe(door).pipe(visitor);
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve({ server, sockets }));
  });
}
