import { type OutgoingHttpHeaders, connect } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface RawPost {
  readonly socket: Socket;
  readonly host: string;
  /** Written into the request line as it is: for spellings that no client library lets through. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends one POST over HTTP/1.1 and collects what comes until the end. */
export function postRaw({ socket, host, target, headers, body }: RawPost): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
    const fields = Object.entries({ Host: host, ...headers, 'Content-Type': 'application/json' })
      .concat([['Content-Length', String(Buffer.byteLength(body))]])
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    socket.write(`POST ${target} HTTP/1.1\r\n${fields}Connection: close\r\n\r\n${body}`);
  });
}

/**
 * One GET over HTTP/2, with a `:path` that may be anything.
 * @param socket TLS with `h2` agreed
 * @returns the status; `undefined` when the stream was refused
 */
export function fetchHttp2(
  socket: TLSSocket,
  name: string,
  headers: OutgoingHttpHeaders,
): Promise<number | undefined> {
  const session = connect(`https://${name}`, { createConnection: () => socket });
  return new Promise((resolve, reject) => {
    session.once('error', reject);
    const stream = session.request(headers);
    let status: number | undefined;
    stream.once('response', (fields) => (status = fields[':status']));
    // A refused stream ends with an error; its `close` follows.
    stream.on('error', () => {});
    stream.once('close', () => {
      session.destroy();
      resolve(status);
    });
    stream.resume();
  });
}
