import { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request } from 'node:https';

export interface HttpsRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE';
  /** `https://…`; anything else is refused. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For connection, request and the whole answer. */
  readonly timeoutMs: number;
  /** Authorities to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type HttpsAnswer =
  | {
      readonly ok: true;
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: string;
    }
  | { readonly ok: false; readonly reason: string };

const MAX_BODY_BYTES = 256 * 1024;

/** One request over HTTPS; redirects are not followed. Never rejects: what went wrong is a word in the answer. */
export function requestHttps(options: HttpsRequest): Promise<HttpsAnswer> {
  if (!URL.canParse(options.url) || new URL(options.url).protocol !== 'https:') {
    return Promise.resolve({ ok: false, reason: 'it is no https:// URL' });
  }
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  return send(options, signal).catch((error: NodeJS.ErrnoException) => ({
    ok: false,
    reason: deadline.aborted ? 'no answer in time' : (error.code ?? error.message),
  }));
}

function send(
  { method, url, headers, body, ca }: HttpsRequest,
  signal: AbortSignal,
): Promise<HttpsAnswer & { ok: true }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      // No agent: one connection for each request leaves nothing open behind it.
      { method, headers: { ...headers, connection: 'close' }, signal, agent: false, ...(ca ? { ca } : {}) },
      (incoming) => {
        readBody(incoming).then(
          (text) =>
            resolve({ ok: true, status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
          (error: Error) => {
            outgoing.destroy();
            reject(error);
          },
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
