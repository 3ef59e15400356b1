import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Clock } from '../core/clock.ts';
import type { Target } from '../edge/contract.ts';
import { chatOverEvents, chatOverWebSocket } from './chat-stream.ts';
import { type PageFile, loadPageFiles } from './page-files.ts';
import type { Visitor } from './script.ts';

const MAX_BODY_BYTES = 8192;

/** Where the assistant listens: a unix socket in a 0700 folder; on Windows a loopback port. */
export type AssistantAddress = { readonly path: string } | { readonly host: '127.0.0.1'; readonly port: 0 };

export interface AssistantOptions {
  readonly address: AssistantAddress;
  /** `chat.localhost:PORT`; a request for another host is refused (DNS rebinding). */
  readonly publicHost: () => string;
  readonly clock: Clock;
}

export interface Assistant {
  readonly target: Target;
  close(): Promise<void>;
}

/**
 * The demo's sample service: a chat page, and a scripted responder that streams its answers over a WebSocket
 * (`/chat`) and as server-sent events (`POST /chat`). It knows of its visitors what the edge stamps on requests.
 */
export async function startAssistant(options: AssistantOptions): Promise<Assistant> {
  const files = await loadPageFiles();
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY_BYTES });
  const server = createServer((request, response) => void answer(request, response, files, options));
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    if (!isForUs(request, options) || request.url !== '/chat') return refuseUpgrade(socket);
    webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      chatOverWebSocket(webSocket, visitorOf(request), options.clock),
    );
  });
  const target = await listen(server, options.address);
  return {
    target,
    close: async () => {
      for (const webSocket of webSockets.clients) webSocket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  files: ReadonlyMap<string, PageFile>,
  options: AssistantOptions,
): Promise<void> {
  if (!isForUs(request, options)) return sendText(response, 421, 'This host is not served here.\n');
  if (request.method === 'POST' && request.url === '/chat') {
    const body = await readBody(request);
    if (body === undefined) return sendText(response, 413, 'That is too long.\n');
    return await chatOverEvents(response, body, visitorOf(request), options.clock);
  }
  const file = files.get(request.url ?? '');
  if (file === undefined) return sendText(response, 404, 'There is nothing here.\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'Only GET.\n');
  response.writeHead(200, {
    ...pageHeaders(options.publicHost()),
    'content-type': file.type,
    'content-length': file.bytes.length,
  });
  response.end(request.method === 'HEAD' ? undefined : file.bytes);
}

/** No script, style or connection but our own; never in a frame. */
function pageHeaders(publicHost: string): Record<string, string> {
  return {
    'content-security-policy':
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; ` +
      `connect-src 'self' wss://${publicHost}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  };
}

const isForUs = (request: IncomingMessage, { publicHost }: AssistantOptions): boolean =>
  request.headers.host === publicHost();

function visitorOf({ headers }: IncomingMessage): Visitor {
  const first = (name: string): string => String(headers[name] ?? 'nobody said');
  return {
    address: first('x-forwarded-for'),
    protocol: first('x-forwarded-proto'),
    host: first('x-forwarded-host'),
  };
}

/** `undefined` when it is longer than `MAX_BODY_BYTES`. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined; // it broke off in the middle
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(text);
}

function refuseUpgrade(socket: Duplex): void {
  socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
}

function listen(server: Server, address: AssistantAddress): Promise<Target> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      const bound = server.address();
      if (bound === null) return reject(new Error('the assistant does not listen'));
      resolve(
        typeof bound === 'string'
          ? { kind: 'unix', path: bound }
          : { kind: 'tcp', host: bound.address, port: bound.port, tls: false },
      );
    });
  });
}
