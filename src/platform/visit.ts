import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type Socket, connect as connectTcp } from 'node:net';
import type { X509Certificate } from 'node:crypto';
import { type SecureVersion, type TLSSocket, connect as connectTls } from 'node:tls';

/** One request of a visitor on a connection of its own, which says exactly what it is told to say. */
export interface Visit {
  /** Where to connect; no name of the request is looked up. */
  readonly host: string;
  readonly port: number;
  /** `undefined`: plain HTTP. */
  readonly tls?: VisitTls | undefined;
  readonly method: string;
  readonly path: string;
  /** The Host field, `:authority` with HTTP/2. */
  readonly authority: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For everything together. */
  readonly timeoutMs: number;
}

export interface VisitTls {
  /** SNI; `undefined`: none is sent. */
  readonly serverName: string | undefined;
  readonly protocol: 'http/1.1' | 'h2';
  /** Only this version of TLS is offered. Default: 1.2 and 1.3. */
  readonly onlyVersion?: SecureVersion;
}

/** What TLS has shown. Nobody has checked it. */
export interface TlsFacts {
  readonly version: string;
  readonly certificate: X509Certificate | undefined;
  /** Why the system's authorities do not vouch for it, such as `CERT_HAS_EXPIRED`; `undefined`: they do. */
  readonly distrust: string | undefined;
}

/**
 * answer       an HTTP response began; `status` 101 when a WebSocket was opened
 * closed       somebody accepted the connection and gave no HTTP response: refused, reset, or silent until the time was up
 * unreachable  no connection came about
 */
export type VisitAnswer = { readonly tookMs: number; readonly tls?: TlsFacts | undefined } & (
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      /** At most 64 KiB; what is over is cut off. */
      readonly body: string;
    }
  | { readonly kind: 'closed' | 'unreachable'; readonly reason: string }
);

const MAX_BODY_BYTES = 64 * 1024;

interface Progress {
  socket: Socket | undefined;
  isConnected: boolean;
  tls: TlsFacts | undefined;
}

type Response = Pick<Extract<VisitAnswer, { kind: 'answer' }>, 'status' | 'headers' | 'body'>;

/** Makes one visit. Certificates are not judged, so nothing secret may be sent. Never rejects. */
export async function visit(options: Visit): Promise<VisitAnswer> {
  const startMs = performance.now();
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const progress: Progress = { socket: undefined, isConnected: false, tls: undefined };
  const tookMs = (): number => Math.round(performance.now() - startMs);
  try {
    const socket = await open(options, progress, deadline);
    const response = await (options.tls?.protocol === 'h2' ? askHttp2 : askHttp1)(options, socket, deadline);
    return { kind: 'answer', ...response, tls: progress.tls, tookMs: tookMs() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = deadline.aborted ? 'no answer in time' : (code ?? message);
    const kind = progress.isConnected ? 'closed' : 'unreachable';
    return { kind, reason, tls: progress.tls, tookMs: tookMs() };
  } finally {
    progress.socket?.destroy();
  }
}

function open(options: Visit, progress: Progress, deadline: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const tcp = connectTcp({ host: options.host, port: options.port });
    progress.socket = tcp;
    deadline.addEventListener('abort', () => tcp.destroy(deadline.reason as Error), { once: true });
    tcp.once('error', reject);
    tcp.once('close', () => reject(new Error('the connection was closed')));
    tcp.once('connect', () => {
      progress.isConnected = true;
      if (!options.tls) return resolve(tcp);
      const socket = startTls(tcp, options.tls);
      progress.socket = socket;
      socket.on('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed')));
      socket.once('secureConnect', () => {
        progress.tls = factsOf(socket);
        resolve(socket);
      });
    });
  });
}

function startTls(tcp: Socket, { serverName, protocol, onlyVersion }: VisitTls): TLSSocket {
  return connectTls({
    socket: tcp,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ALPNProtocols: [protocol],
    // What is shown is what the visit is for; the caller judges it.
    rejectUnauthorized: false,
    // OpenSSL offers TLS 1.0 and 1.1 only at its lowest level of security.
    ...(onlyVersion === undefined
      ? {}
      : { minVersion: onlyVersion, maxVersion: onlyVersion, ciphers: 'DEFAULT:@SECLEVEL=0' }),
  });
}

function factsOf(socket: TLSSocket): TlsFacts {
  const { authorizationError } = socket;
  const distrust = authorizationError as (Error & { code?: string }) | string | undefined;
  return {
    version: socket.getProtocol() ?? 'unknown',
    certificate: socket.getPeerX509Certificate(),
    distrust: socket.authorized
      ? undefined
      : typeof distrust === 'object' && distrust !== null
        ? (distrust.code ?? distrust.message)
        : (distrust ?? 'not trusted'),
  };
}

function askHttp1(options: Visit, socket: Socket, signal: AbortSignal): Promise<Response> {
  const { method, path, authority, headers, body } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request({
      createConnection: () => socket,
      method,
      path,
      headers: { connection: 'close', ...headers, host: authority },
      signal,
    });
    const settle = (incoming: IncomingMessage, text: string): void =>
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text });
    outgoing.on('error', reject);
    outgoing.once('upgrade', (incoming: IncomingMessage) => settle(incoming, ''));
    outgoing.once('response', (incoming: IncomingMessage) => {
      readText(incoming, signal).then((text) => settle(incoming, text), reject);
    });
    outgoing.end(body);
  });
}

function askHttp2(options: Visit, socket: Socket, signal: AbortSignal): Promise<Response> {
  const { method, path, authority, headers, body } = options;
  return new Promise((resolve, reject) => {
    if ((socket as TLSSocket).alpnProtocol !== 'h2') return reject(new Error('h2 is not spoken there'));
    const session = connectHttp2(`https://${authority}`, { createConnection: () => socket });
    session.on('error', reject);
    session.once('close', () => reject(new Error('the connection was closed')));
    const stream = session.request(
      { ':method': method, ':path': path, ...headers },
      { signal, endStream: body === undefined },
    );
    stream.on('error', reject);
    stream.once('response', (fields) => {
      const { ':status': status = 0, ...rest } = fields;
      readText(stream, signal).then(
        (text) => resolve({ status, headers: rest as IncomingHttpHeaders, body: text }),
        reject,
      );
    });
    if (body !== undefined) stream.end(body);
  });
}

/** A stream without an end, such as events, gives what came until the time was up. */
async function readText(stream: NodeJS.ReadableStream, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk.subarray(0, MAX_BODY_BYTES - bytes));
      bytes += chunk.length;
      if (bytes >= MAX_BODY_BYTES) break;
    }
  } catch (error) {
    if (!signal.aborted && chunks.length === 0) throw error;
  }
  return Buffer.concat(chunks).toString('utf8');
}
