import type { Socket } from 'node:net';
import { type Server, type TLSSocket, createServer } from 'node:tls';
import type { Clock, Timer } from '../../core/clock.ts';
import type { CertificateStore } from '../contract.ts';

/** AEAD with forward secrecy only; the visitor's order decides, since it knows whether it has AES instructions. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** RFC 8737 §6.2. */
const ACME_TLS_PROTOCOL = 'acme-tls/1';

/** Does a client ask for a challenge's certificate? It offers that protocol and no other (RFC 8737 §3). */
export function asksForChallenge(protocols: readonly string[]): boolean {
  return protocols.length === 1 && protocols[0] === ACME_TLS_PROTOCOL;
}

/** Keys of session tickets live as long as a TLS server: this bounds what a stolen one opens. */
const SERVER_LIFE_MS = 12 * 3600 * 1000;

/** Starts TLS on a connection; calls back when the handshake is done. A failed handshake just closes the connection. */
export type StartTls = (socket: Socket, onSecure: (secure: TLSSocket) => void) => void;

/**
 * One TLS server of Node for each name, without a listening socket: a session of one name is never resumed under
 * another. Made at the first use; made anew when the certificate changes. TLS 1.3 early data stays off (Node's default).
 */
export class TlsServers {
  readonly #store: CertificateStore;
  readonly #servers = new Map<string, Server>();
  readonly #waiting = new WeakMap<Socket, (secure: TLSSocket) => void>();
  readonly #stopListening: () => void;
  readonly #timer: Timer;

  constructor(store: CertificateStore, clock: Clock) {
    this.#store = store;
    this.#stopListening = store.onChange((serverName) => this.#servers.delete(serverName));
    this.#timer = clock.every(SERVER_LIFE_MS, () => this.#servers.clear());
  }

  /**
   * @returns `undefined` when the name is not ours
   * @throws when certificate and key cannot be used
   */
  find(serverName: string): StartTls | undefined {
    const server = this.#servers.get(serverName) ?? this.#make(serverName);
    if (!server) return undefined;
    return (socket, onSecure) => {
      this.#waiting.set(socket, onSecure);
      server.emit('connection', socket);
    };
  }

  /**
   * Answers an authority that checks a TLS-ALPN-01 challenge: the handshake is all there is, then the connection ends
   * (RFC 8737 §3). The server is used once, so nothing of it can be resumed.
   * @returns `undefined` when no challenge of that name is pending
   * @throws when certificate and key cannot be used
   */
  findChallenge(serverName: string): StartTls | undefined {
    const pair = this.#store.findChallenge(serverName);
    if (!pair) return undefined;
    const server = createServer({ ...pair, minVersion: 'TLSv1.2', ALPNProtocols: [ACME_TLS_PROTOCOL] });
    server.on('secureConnection', (secure) => {
      secure.on('error', () => secure.destroy());
      setImmediate(() => secure.end());
    });
    return (socket) => void server.emit('connection', socket);
  }

  stop(): void {
    this.#stopListening();
    this.#timer.cancel();
  }

  #make(serverName: string): Server | undefined {
    const pair = this.#store.find(serverName);
    if (!pair) return undefined;
    const server = createServer({
      cert: pair.cert,
      key: pair.key,
      ciphers: CIPHERS,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    server.on('secureConnection', (secure) => {
      secure.on('error', () => secure.destroy());
      // This is called from the middle of OpenSSL's read: closing the connection here ends the process (node 24.21).
      setImmediate(() => {
        if (!secure.destroyed) this.#waiting.get(parentOf(secure))?.(secure);
      });
    });
    this.#servers.set(serverName, server);
    return server;
  }
}

/** The socket beneath TLS. Node has no public way back to it, and a TLSSocket made by hand never counts as connected. */
function parentOf(secure: TLSSocket): Socket {
  return (secure as TLSSocket & { readonly _parent: Socket })._parent;
}
