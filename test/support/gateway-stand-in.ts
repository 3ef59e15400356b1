import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/**
 * Answers as a gateway does where verify and the guard look (docs/openclaw.md), in states that the real one
 * (openclaw.ts) cannot be brought into while it runs.
 */
export class GatewayStandIn {
  /** Does it take a stranger for its owner? Then it tells more than that it is ready. */
  trustsStrangers = false;
  wantsToken = true;
  readonly #token: string;
  readonly server: Server = createServer((request, response) => {
    const isOwner = this.trustsStrangers || request.headers['x-forwarded-for'] === undefined;
    if (request.url === '/readyz') {
      return response.end(JSON.stringify(isOwner ? { ready: true, uptimeMs: 1 } : { ready: true }));
    }
    const isIn = !this.wantsToken || request.headers.authorization === `Bearer ${this.#token}`;
    return response.writeHead(isIn ? 404 : 401).end();
  });

  constructor(token = '') {
    this.#token = token;
    const sockets = new WebSocketServer({ server: this.server });
    sockets.on('connection', (socket) =>
      socket.send(
        JSON.stringify({
          type: 'event',
          event: 'connect.challenge',
          payload: { nonce: 'n', ts: Date.now() },
        }),
      ),
    );
  }

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
