import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { type ClientOptions, WebSocket } from 'ws';
import { readChallenge } from '../../src/gateway/challenge.ts';

/** A device's identity: an Ed25519 key; its ID is the hash of the raw public key. */
export interface DeviceKey {
  readonly id: string;
  readonly publicKey: string;
  sign(text: string): string;
}

export function makeDeviceKey(): DeviceKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from((publicKey.export({ format: 'jwk' }) as { x: string }).x, 'base64url');
  return {
    id: createHash('sha256').update(raw).digest('hex'),
    publicKey: raw.toString('base64url'),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url'),
  };
}

export interface ConnectOptions {
  /** `ws://…` or `wss://…` */
  readonly url: string;
  /** Origin, cookies, certificate authority, the address to connect to … */
  readonly socket?: ClientOptions;
  readonly auth: { readonly token: string } | { readonly deviceToken: string };
  readonly device?: DeviceKey;
  readonly client?: { readonly id: string; readonly mode: string };
  readonly scopes?: readonly string[];
}

export interface Frame {
  readonly type: 'event' | 'res';
  readonly id?: string;
  readonly event?: string;
  readonly ok?: boolean;
  readonly payload?: Record<string, unknown>;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly details?: Record<string, unknown>;
  };
}

/** How a connection attempt ended. `http`: the upgrade itself was refused with that status. */
export type ConnectResult =
  | { readonly kind: 'hello'; readonly client: GatewayClient }
  | { readonly kind: 'refused'; readonly code: string; readonly details: Record<string, unknown> }
  | { readonly kind: 'http'; readonly status: number; readonly body: string };

/** A client of the gateway's WebSocket protocol, version 4: as much of it as a chat needs. */
export class GatewayClient {
  readonly hello: Record<string, unknown>;
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (frame: Frame) => void>();
  readonly #events: Frame[] = [];
  readonly #listeners = new Set<(frame: Frame) => void>();
  #lastId = 1;

  constructor(socket: WebSocket, hello: Record<string, unknown>) {
    this.#socket = socket;
    this.hello = hello;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('message', (data: Buffer) => this.#take(JSON.parse(data.toString()) as Frame));
  }

  /** Rejects with the gateway's error, or when the connection ends first. */
  async request(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = `r${++this.#lastId}`;
    const answer = new Promise<Frame>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ type: 'req', id, method, params }));
    const frame = await Promise.race([answer, this.closed]);
    if (typeof frame === 'number') throw new Error(`${method}: closed with ${frame}`);
    if (!frame.ok) throw new Error(`${method}: ${JSON.stringify(frame.error)}`);
    return frame.payload ?? {};
  }

  /** Resolves with the first event, past ones included, that `matches`. */
  event(matches: (frame: Frame) => boolean): Promise<Frame> {
    const past = this.#events.find(matches);
    if (past) return Promise.resolve(past);
    return new Promise((resolve) => {
      const listener = (frame: Frame): void => {
        if (!matches(frame)) return;
        this.#listeners.delete(listener);
        resolve(frame);
      };
      this.#listeners.add(listener);
    });
  }

  events(name: string): Frame[] {
    return this.#events.filter((frame) => frame.event === name);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  #take(frame: Frame): void {
    if (frame.type === 'res') {
      this.#waiting.get(frame.id ?? '')?.(frame);
      this.#waiting.delete(frame.id ?? '');
      return;
    }
    this.#events.push(frame);
    for (const listener of this.#listeners) listener(frame);
  }
}

/** Connects, answers the challenge with a signed `connect`, and waits for the verdict. */
export function connectGateway(options: ConnectOptions): Promise<ConnectResult> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(options.url, { handshakeTimeout: 15_000, ...options.socket });
    socket.once('unexpected-response', (_, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () =>
        resolve({
          kind: 'http',
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    socket.once('error', reject);
    socket.once('close', (code, reason) =>
      reject(new Error(`closed with ${code} ${reason.toString()} before the verdict`)),
    );
    const onMessage = (data: Buffer): void => {
      const text = data.toString();
      const challenge = readChallenge(text);
      if (challenge) return socket.send(JSON.stringify(connectRequest(options, challenge)));
      const frame = JSON.parse(text) as Frame;
      if (frame.type !== 'res') return;
      socket.off('message', onMessage);
      if (!frame.ok) socket.close();
      resolve(verdict(socket, frame));
    };
    socket.on('message', onMessage);
  });
}

function verdict(socket: WebSocket, frame: Frame): ConnectResult {
  if (frame.ok) return { kind: 'hello', client: new GatewayClient(socket, frame.payload ?? {}) };
  const details = frame.error?.details ?? {};
  return { kind: 'refused', code: String(details['code'] ?? frame.error?.message), details };
}

function connectRequest(options: ConnectOptions, challenge: { nonce: string; atMs: number }): object {
  const client = options.client ?? { id: 'webchat-ui', mode: 'webchat' };
  const scopes = options.scopes ?? ['operator.read', 'operator.write'];
  const platform = 'web';
  const secret = 'token' in options.auth ? options.auth.token : options.auth.deviceToken;
  const key = options.device;
  const signedText = key
    ? ['v3', key.id, client.id, client.mode, 'operator', scopes.join(','), challenge.atMs, secret].concat([
        challenge.nonce,
        platform,
        '',
      ])
    : [];
  const device = key && {
    id: key.id,
    publicKey: key.publicKey,
    signature: key.sign(signedText.join('|')),
    signedAt: challenge.atMs,
    nonce: challenge.nonce,
  };
  return {
    type: 'req',
    id: 'r1',
    method: 'connect',
    params: {
      minProtocol: 4,
      maxProtocol: 4,
      client: { ...client, version: '1.0.0', platform },
      role: 'operator',
      scopes,
      caps: ['tool-events'],
      auth: options.auth,
      ...(device ? { device } : {}),
    },
  };
}
