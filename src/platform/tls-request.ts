import type { X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import { type TLSSocket, connect } from 'node:tls';

export interface TlsRequest {
  /** Where to connect; the name's own address is not asked for. */
  readonly host: string;
  readonly port: number;
  /** SNI and Host. */
  readonly serverName: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /**
   * Judges the certificate before a byte of the request is sent; a sentence refuses it.
   * `undefined`: the system's authorities decide.
   */
  readonly judgeCertificate?: (certificate: X509Certificate) => string | undefined;
}

/** Whose fault a failed request is. */
export type TlsFailure = 'unreachable' | 'certificate' | 'no-answer';

export type TlsAnswer =
  | { readonly ok: true; readonly status: number; readonly body: string; readonly tookMs: number }
  | { readonly ok: false; readonly failure: TlsFailure; readonly reason: string };

const MAX_BODY_BYTES = 64 * 1024;

/** One GET over a TLS connection of its own. Never rejects. */
export async function requestOverTls(options: TlsRequest): Promise<TlsAnswer> {
  const startMs = performance.now();
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  let socket: TLSSocket | undefined;
  try {
    socket = await openTls(options, signal);
    const refusal = judge(options, socket);
    if (refusal !== undefined) return { ok: false, failure: 'certificate', reason: refusal };
    const { status, body } = await get(options, socket, signal);
    return { ok: true, status, body, tookMs: performance.now() - startMs };
  } catch (error) {
    return { ok: false, failure: socket ? 'no-answer' : 'unreachable', reason: reasonOf(error, deadline) };
  } finally {
    socket?.destroy();
  }
}

function openTls(options: TlsRequest, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // Verification is not off: `judge` looks at the outcome before anything is sent.
    const socket = connect({
      host: options.host,
      port: options.port,
      servername: options.serverName,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
    });
    const onAbort = (): void => void socket.destroy(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      reject(new Error('the connection was closed'));
    });
    socket.once('error', reject);
    // Node calls from the middle of OpenSSL's read; closing there has ended a process of ours (node 24.21).
    socket.once('secureConnect', () => setImmediate(() => resolve(socket)));
  });
}

function judge(options: TlsRequest, socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return 'no certificate was shown';
  if (options.judgeCertificate) return options.judgeCertificate(certificate);
  return socket.authorized ? undefined : `${socket.authorizationError?.message ?? 'not trusted'}`;
}

function get(
  options: TlsRequest,
  socket: TLSSocket,
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        createConnection: () => socket,
        path: options.path,
        headers: { host: hostField(options), connection: 'close' },
        signal,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_BODY_BYTES) return void outgoing.destroy(new Error('the answer is too long'));
          chunks.push(chunk);
        });
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function hostField({ serverName, port }: TlsRequest): string {
  return port === 443 ? serverName : `${serverName}:${port}`;
}

function reasonOf(error: unknown, deadline: AbortSignal): string {
  if (deadline.aborted) return 'no answer in time';
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
