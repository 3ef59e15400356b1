import { type Server, type Socket, createServer } from 'node:net';
import type { EdgeCore } from './core.ts';
import type { Door, DoorAddress, DoorKind } from './contract.ts';
import type { Http1Server } from './http1/server.ts';
import { acceptHttp2 } from './http2/connection.ts';
import { UNKNOWN_CLIENT } from './intake/client-address.ts';
import { Intake } from './intake/intake.ts';
import type { Seat } from './limits/connection-limits.ts';
import type { TlsServers } from './tls/tls-servers.ts';

/** What the doors of an edge hand their connections to. */
export interface DoorServers {
  readonly tls: TlsServers;
  readonly http1: Http1Server;
  /** Every connection of every door, so that the edge can end them. */
  readonly sockets: Set<Socket>;
}

/**
 * Connections that may wait to be taken. Node takes one in each turn of its loop, and who finds the queue of a unix
 * socket full is refused at once: a page with its pictures, times its visitors, must fit after a relay's outage.
 */
const BACKLOG = 4096;

/** A place for visitors behind the relay's nginx, which sees to the limits of addresses itself. */
const NO_PLACE = { markSignedIn: () => {}, release: () => {} };

/**
 * Opens a listening socket of the edge.
 * @throws the system's error when the address cannot be used
 */
export async function openDoor(
  core: EdgeCore,
  servers: DoorServers,
  kind: DoorKind,
  address: DoorAddress,
): Promise<Door> {
  let onPassed = (): void => {};
  const passed = new Promise<void>((resolve) => (onPassed = resolve));
  const server = createServer({ noDelay: true, pauseOnConnect: false }, (socket) => {
    const seat = admit(core, servers, socket);
    if (!seat) return;
    if (kind === 'link-tls') startIntake(core, servers, socket, seat, onPassed);
    else acceptPlain(servers, socket, seat, onPassed);
  });
  await listen(server, address);
  return {
    address: boundAddress(server, address),
    passed,
    close: () => {
      server.close();
      return Promise.resolve();
    },
  };
}

/** Counts a connection among all of them. @returns `undefined` when there are too many */
function admit(core: EdgeCore, servers: DoorServers, socket: Socket): Seat | undefined {
  socket.on('error', () => socket.destroy());
  const seat = core.connectionLimits.enter(() => socket.destroy());
  if (!seat) {
    socket.destroy();
    return undefined;
  }
  servers.sockets.add(socket);
  socket.once('close', () => {
    servers.sockets.delete(socket);
    seat.release();
  });
  return seat;
}

function startIntake(
  core: EdgeCore,
  servers: DoorServers,
  socket: Socket,
  seat: Seat,
  onPassed: () => void,
): void {
  const intake = new Intake(
    core,
    {
      tls: servers.tls,
      seat,
      onPassed,
      onSecure: (secure, arrival) => {
        if (secure.alpnProtocol === 'h2') acceptHttp2(core, arrival, secure);
        else servers.http1.accept(secure, arrival);
      },
    },
    socket,
  );
  void intake;
}

function acceptPlain(servers: DoorServers, socket: Socket, seat: Seat, onPassed: () => void): void {
  servers.http1.accept(socket, {
    doorKind: 'link-http',
    client: UNKNOWN_CLIENT,
    serverName: undefined,
    seat,
    place: NO_PLACE,
    onPassed,
  });
}

function listen(server: Server, address: DoorAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...address, backlog: BACKLOG }, () => {
      server.removeListener('error', reject);
      server.on('error', () => {});
      resolve();
    });
  });
}

/** The address as it is: the system chooses the port when it was 0. */
function boundAddress(server: Server, address: DoorAddress): DoorAddress {
  const bound = server.address();
  return 'path' in address || bound === null || typeof bound === 'string'
    ? address
    : { host: address.host, port: bound.port };
}
