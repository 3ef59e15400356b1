import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { EdgeCore } from '../core.ts';
import { asksForWebSocket } from '../request/websocket.ts';
import type { Arrival } from '../visitor.ts';
import { Http1Connection } from './connection.ts';

/** Takes connections whose TLS is done, or was done by the relay. */
export interface Http1Server {
  accept(socket: Socket, arrival: Arrival): void;
}

/**
 * Node's HTTP/1.1 server without a listening socket: its strict parser (llhttp) reads what visitors send.
 * Its own timers never start, since it never listens; the sweeper keeps the limits.
 */
export function createHttp1Server(core: EdgeCore): Http1Server {
  const connections = new WeakMap<Duplex, Http1Connection>();
  const server = makeServer(core);
  server.on('request', (request, response) => {
    connections.get(request.socket)?.onRequest(request, response);
  });
  server.on('checkContinue', (request, response) => {
    connections.get(request.socket)?.onRequest(request, response);
  });
  server.on('checkExpectation', (request, response) => {
    connections.get(request.socket)?.onRequest(request, response);
  });
  server.on('upgrade', (request, socket, early) => connections.get(socket)?.onUpgrade(request, early));
  server.on('connect', (_request, socket) => connections.get(socket)?.onBadRequest(400));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
    if (error.code?.startsWith('HPE_')) connections.get(socket)?.onBadRequest(status);
    else socket.destroy();
  });
  return {
    accept(socket, arrival) {
      connections.set(socket, new Http1Connection(core, arrival, socket));
      server.emit('connection', socket);
    },
  };
}

function makeServer(core: EdgeCore): Server {
  const { limits } = core.options;
  const server = createServer({
    insecureHTTPParser: false,
    joinDuplicateHeaders: false,
    // No stream events for requests without a body, which are most of them.
    optimizeEmptyRequests: true,
    keepAliveTimeout: 0,
    requireHostHeader: false,
    // The exact limit is judged field by field; this one bounds what the parser keeps until then.
    maxHeaderSize: limits.headerBytes,
    shouldUpgradeCallback: (request: IncomingMessage) => asksForWebSocket(request.headers.upgrade),
  });
  // Node drops fields above its own count silently: it has to see one more than we allow.
  server.maxHeadersCount = limits.headerFields + 1;
  server.timeout = 0;
  return server;
}
