import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { limitsSchema } from '../../src/config/schema.ts';
import { type LoginGatekeeper, createGatekeeper } from '../../src/edge/auth/gatekeeper.ts';
import type { LoginService } from '../../src/edge/auth/places.ts';
import { STATE_MIGRATIONS } from '../../src/edge/auth/schema.ts';
import type { Edge } from '../../src/edge/contract.ts';
import { startEdge } from '../../src/edge/edge.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type Database, openDatabase } from '../../src/platform/sqlite.ts';
import { TestCertificates, TestLog, VISITOR } from './edge-home.ts';
import { RawService } from './edge-service.ts';
import { PASSWORD } from './login.ts';
import { makeTestFolder } from './temporary-folder.ts';

export interface LoginHomeOptions {
  readonly services?: readonly LoginService[];
  readonly gate?: string;
  readonly pairFirst?: boolean;
}

/**
 * The edge with its real login on a `state.db` of its own, and a port on loopback that puts a PROXY header in front, as
 * the relay's nginx would. The folder is a `POSTERN_HOME`, so that the command line works on the same state.
 */
export class LoginHome {
  readonly folder: string;
  readonly keeper: LoginGatekeeper;
  readonly service: RawService;
  readonly log: TestLog;
  readonly port: number;
  readonly #edge: Edge;
  readonly #database: Database;
  readonly #relay: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(
    parts: Pick<LoginHome, 'folder' | 'keeper' | 'service' | 'log' | 'port'> & {
      edge: Edge;
      database: Database;
      relay: Server;
      sockets: ReadonlySet<Socket>;
    },
  ) {
    this.folder = parts.folder;
    this.keeper = parts.keeper;
    this.service = parts.service;
    this.log = parts.log;
    this.port = parts.port;
    this.#edge = parts.edge;
    this.#database = parts.database;
    this.#relay = parts.relay;
    this.#sockets = parts.sockets;
  }

  static async start(options: LoginHomeOptions = {}): Promise<LoginHome> {
    const { gate, pairFirst = false } = options;
    const services = options.services ?? [{ name: 'chat.localhost', access: 'login', pairing: 'required' }];
    const folder = makeTestFolder('pl-');
    const doorPath = join(folder, 'door.sock');
    const { relay, port, sockets } = await startRelay(doorPath);
    const database = await openDatabase(join(folder, 'state.db'), STATE_MIGRATIONS);
    const log = new TestLog();
    const common = { gate, publicPort: port, clock: systemClock, log };
    const keeper = createGatekeeper({ ...common, database, services, pairFirst });
    await keeper.admin.addUser({ name: 'ann', password: PASSWORD });
    const service = await RawService.start();
    const certificates = new TestCertificates();
    for (const name of [...services.map((one) => one.name), ...(gate ? [gate] : [])])
      await certificates.make(name);
    const edge = await startEdge({
      ...common,
      services: services.map(({ name, access }) => ({
        name,
        access,
        target: service.target,
        isPathDenied: () => false,
      })),
      gatekeeper: keeper,
      certificates,
      limits: limitsSchema.parse({}),
      canaryKey: randomBytes(32),
    });
    await edge.openDoor('link-tls', { path: doorPath });
    return new LoginHome({ folder, keeper, service, log, port, edge, database, relay, sockets });
  }

  url(name: string, path = '/'): string {
    return `https://${name}:${this.port}${path}`;
  }

  /** Approves the code that a page shows. */
  async approve(code: string): Promise<void> {
    const { comparison } = await this.keeper.admin.findRequest({ code });
    await this.keeper.admin.approveRequest({ code, comparison });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#relay.close();
    await this.#edge.close();
    await this.service.stop();
    this.keeper.close();
    this.#database.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function startRelay(
  doorPath: string,
): Promise<{ relay: Server; port: number; sockets: ReadonlySet<Socket> }> {
  const sockets = new Set<Socket>();
  const relay = createServer((visitor) => {
    const door = connect({ path: doorPath });
    door.write(`PROXY TCP4 ${VISITOR} 198.51.100.1 50000 443\r\n`);
    visitor.pipe(door).pipe(visitor);
    for (const [one, other] of [
      [visitor, door],
      [door, visitor],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return { relay, port: (relay.address() as AddressInfo).port, sockets };
}
