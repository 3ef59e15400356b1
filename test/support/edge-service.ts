import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import type { Target } from '../../src/edge/contract.ts';

/** One request as the service read it off the wire. */
export interface SeenRequest {
  readonly line: string;
  /** Lower-case names; values of a repeated field in an array. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** The whole head as text. */
  readonly head: string;
  body: string;
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
}

/** What a test answers with: bytes as they are, or `undefined` for the service's usual 200. */
export type Script = (request: SeenRequest, socket: Socket) => string | Buffer | undefined;

/**
 * A service that reads HTTP by the letter and keeps all that it saw: what a smuggling attack would slip it shows up as
 * one more request, or as rest on a connection.
 */
export class RawService {
  readonly seen: SeenRequest[] = [];
  readonly sockets: Socket[] = [];
  /** Called when a head is complete, before its body. */
  onHead: Script = () => undefined;
  /** Called when a request is complete. */
  onRequest: Script = () => undefined;
  readonly #server: Server;
  #connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket, ++this.#connections));
  }

  static async start(): Promise<RawService> {
    const server = createServer({ noDelay: true });
    const service = new RawService(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get target(): Target {
    return { kind: 'tcp', host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port, tls: false };
  }

  get connections(): number {
    return this.#connections;
  }

  get last(): SeenRequest {
    const last = this.seen.at(-1);
    if (!last) throw new Error('the service saw no request');
    return last;
  }

  /** Forgets what it saw, closes what is connected, and answers as usual. */
  reset(): void {
    this.seen.length = 0;
    for (const socket of this.sockets.splice(0)) socket.destroy();
    this.onHead = () => undefined;
    this.onRequest = () => undefined;
  }

  async stop(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket, connection: number): void {
    this.sockets.push(socket);
    socket.on('error', () => {});
    const reader = new RequestReader(connection, (request, isComplete) => {
      if (!isComplete) this.seen.push(request);
      const answer = (isComplete ? this.onRequest : this.onHead)(request, socket);
      if (answer !== undefined) socket.write(answer, 'latin1');
      else if (isComplete && !request.head.includes('upgrade: websocket')) socket.write(USUAL, 'latin1');
    });
    socket.on('data', (chunk) => reader.read(chunk.toString('latin1')));
  }
}

const USUAL = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Reads requests in turn: Content-Length and chunked bodies, nothing forgiven. */
class RequestReader {
  readonly #connection: number;
  readonly #onRequest: (request: SeenRequest, isComplete: boolean) => void;
  #text = '';
  #request: SeenRequest | undefined;

  constructor(connection: number, onRequest: (request: SeenRequest, isComplete: boolean) => void) {
    this.#connection = connection;
    this.#onRequest = onRequest;
  }

  read(text: string): void {
    this.#text += text;
    while (this.#step()) {
      // Until more is needed.
    }
  }

  #step(): boolean {
    const request = this.#request ?? this.#readHead();
    if (!request) return false;
    const isChunked = request.fields.has('transfer-encoding');
    const isDone = isChunked ? this.#readChunks(request) : this.#readLength(request);
    if (!isDone) return false;
    this.#request = undefined;
    this.#onRequest(request, true);
    return this.#text.length > 0;
  }

  #readHead(): SeenRequest | undefined {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 4);
    const [line = '', ...lines] = head.split('\r\n');
    const fields = new Map<string, string[]>();
    for (const text of lines) {
      const name = text.slice(0, text.indexOf(':')).toLowerCase();
      fields.set(name, [...(fields.get(name) ?? []), text.slice(text.indexOf(':') + 1).trim()]);
    }
    this.#request = { line, fields, head, body: '', connection: this.#connection };
    this.#onRequest(this.#request, false);
    return this.#request;
  }

  #readLength(request: SeenRequest): boolean {
    const missing = Number(request.fields.get('content-length')?.[0] ?? 0) - request.body.length;
    request.body += this.#text.slice(0, missing);
    const isDone = this.#text.length >= missing;
    this.#text = this.#text.slice(missing);
    return isDone;
  }

  #readChunks(request: SeenRequest): boolean {
    for (;;) {
      const line = /^([0-9a-f]+)\r\n/i.exec(this.#text);
      if (!line) return false;
      const size = Number.parseInt(line[1] as string, 16);
      const start = line[0].length;
      if (this.#text.length < start + size + 2) return false;
      request.body += this.#text.slice(start, start + size);
      this.#text = this.#text.slice(start + size + 2);
      if (size === 0) return true;
    }
  }
}
