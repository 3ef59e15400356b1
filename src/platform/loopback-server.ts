import { createServer, type Server, type Socket } from 'node:net';

/** A connection that a loopback server accepted. */
export type LoopbackSocket = Socket;

/** A server that only this machine can reach, on 127.0.0.1 and, where there is one, on [::1] with the same port. */
export interface LoopbackServer {
  readonly port: number;
  /** Stops listening and cuts every connection that it accepted. */
  close(): Promise<void>;
}

/** How often another free port is tried when [::1] has the one that 127.0.0.1 offered. */
const PORT_ATTEMPTS = 20;

/**
 * Listens on the loopback addresses only.
 * @param port 0 for any free one
 * @param onConnection called with each connection; sockets have noDelay set and an error listener,
 *   and stay half-open until both sides have ended
 * @throws the system's error, such as EADDRINUSE or EACCES
 */
export async function listenOnLoopback(
  port: number,
  onConnection: (socket: Socket) => void,
): Promise<LoopbackServer> {
  for (let attempt = 1; ; attempt++) {
    const sockets = new Set<Socket>();
    const accept = (socket: Socket): void => {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {}); // `close` follows and says all that anybody needs
      socket.once('close', () => sockets.delete(socket));
      onConnection(socket);
    };
    const first = await listen('127.0.0.1', port, accept);
    const chosen = portOf(first);
    try {
      const second = await listenIfThere('::1', chosen, accept);
      return { port: chosen, close: () => closeAll([first, second], sockets) };
    } catch (error) {
      await closeAll([first], sockets);
      if (port !== 0 || attempt >= PORT_ATTEMPTS) throw error;
    }
  }
}

function listen(host: string, port: number, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, accept);
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      // Out of file descriptors: that visitor is lost, the server is not.
      server.on('error', () => {});
      resolve(server);
    });
  });
}

/** `undefined` where the machine has no such address. */
async function listenIfThere(
  host: string,
  port: number,
  accept: (socket: Socket) => void,
): Promise<Server | undefined> {
  try {
    return await listen(host, port, accept);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return undefined;
    throw error;
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return address.port;
}

async function closeAll(servers: readonly (Server | undefined)[], sockets: Set<Socket>): Promise<void> {
  const closed = servers.map(
    (server) => new Promise<void>((done) => (server ? server.close(() => done()) : done())),
  );
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
}
