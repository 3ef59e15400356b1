import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2';

export interface Http2Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
  readonly informational: readonly Record<string, unknown>[];
  /** 0 when the stream ended in order. */
  readonly resetCode: number;
}

/** Makes one request on an HTTP/2 session and gathers all that comes back. */
export function requestHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let status = 0;
    let received: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    const informational: Record<string, unknown>[] = [];
    const chunks: Buffer[] = [];
    stream.on('headers', (fields) => informational.push({ ...fields }));
    stream.on('response', (fields) => {
      status = Number(fields[':status']);
      received = { ...fields };
    });
    stream.on('trailers', (fields) => (trailers = { ...fields }));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (error) => {
      if (status === 0) reject(error);
    });
    stream.on('close', () => {
      const text = Buffer.concat(chunks).toString('latin1');
      resolve({
        status,
        headers: received,
        body: text,
        trailers,
        informational,
        resetCode: stream.rstCode ?? 0,
      });
    });
    if (body !== undefined) stream.end(body);
  });
}
