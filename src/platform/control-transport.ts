import { randomBytes } from 'node:crypto';
import { chmod, unlink } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';

/** Answers one request of a local program. */
export type HttpListener = (request: IncomingMessage, response: ServerResponse) => void;

export interface LocalHttpServer {
  /** Ends every connection and removes the socket. */
  close(): Promise<void>;
}

/** What `sockaddr_un` holds on every system that Postern runs on: 104 bytes with the final zero on macOS, 108 on Linux. */
export const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Where this process listens for local programs: a unix socket in `folder`, a named pipe on Windows.
 * @param name such as `control`; the process number makes it unique, so that two daemons can stand beside each other
 */
export function localAddress(folder: string, name: string): string {
  return process.platform === 'win32'
    ? `\\\\.\\pipe\\postern-${name}-${process.pid}-${randomBytes(8).toString('hex')}`
    : join(folder, `${name}-${process.pid}.sock`);
}

/**
 * Serves HTTP to programs of this user. The socket is 0600 in a folder that has to be 0700: Node cannot ask for the
 * peer's user (there is no SO_PEERCRED), so the file modes are what keeps others out, and who may open the socket is
 * checked again by a token.
 * @param address from `localAddress`; a socket that a dead process left there is replaced
 */
export async function serveLocalHttp(address: string, listener: HttpListener): Promise<LocalHttpServer> {
  const isFile = process.platform !== 'win32';
  if (isFile) await unlink(address).catch(() => {});
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 8192 },
    listener,
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // Out of file descriptors: that request is lost, the server is not.
  server.on('error', () => {});
  if (isFile) await chmod(address, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface LocalHttpRequest {
  readonly address: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

/** Why a local server gave no answer: `absent` (nobody listens there) or `silent` (somebody does and says nothing). */
export type LocalHttpAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'absent' | 'silent'; readonly reason: string };

/** Bytes of an answer that are read; a status of this size has thousands of services. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Asks a local server. Never rejects. */
export function requestLocalHttp(options: LocalHttpRequest): Promise<LocalHttpAnswer> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        socketPath: options.address,
        method: options.method,
        path: options.path,
        headers: options.headers,
        agent: false,
        signal: AbortSignal.timeout(options.timeoutMs),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_ANSWER_BYTES) outgoing.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        incoming.on('end', () =>
          resolve({
            kind: 'answer',
            status: incoming.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
        incoming.on('error', (error) => resolve({ kind: 'silent', reason: error.message }));
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const isAbsent = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'EACCES'].includes(error.code ?? '');
      resolve({ kind: isAbsent ? 'absent' : 'silent', reason: error.code ?? error.message });
    });
    outgoing.end(options.body);
  });
}
