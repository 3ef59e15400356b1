import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Browser } from '../support/browser.ts';
import { type Findings, needlesOf, startCapture } from '../support/capture.ts';
import { type Published, publish } from '../support/published.ts';

const NAME = 'chat.example.test';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

const makeCanary = (): string =>
  Array.from({ length: 64 }, () => LETTERS[randomInt(LETTERS.length)]).join('');

/** A service that answers with a canary of its own to everything, and echoes what WebSockets say. */
interface Service {
  readonly url: string;
  readonly heard: () => string;
  close(): void;
}

async function startService(answerCanary: string): Promise<Service> {
  let heard = '';
  const server: Server = createServer((request, response) => {
    heard += `${request.url} ${JSON.stringify(request.headers)}`;
    request.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    request.once('end', () => {
      response.setHeader('x-answer', answerCanary);
      response.end(answerCanary);
    });
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) =>
    socket.on('message', (data: Buffer) => {
      heard += data.toString();
      socket.send(answerCanary);
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: () => heard,
    close() {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Outcome {
  readonly findings: ReadonlyMap<string, Findings>;
  readonly heard: string;
  readonly answer: string;
  readonly message: string;
}

/** Sends one canary by each way in, and searches the relay for each while the WebSocket is still open. */
async function sendAndSearch(
  published: Published,
  service: Service,
  canaries: Record<string, string>,
): Promise<Outcome> {
  const browser = new Browser(published);
  await browser.signIn();
  const capture = await startCapture(published.lab);
  try {
    const { url, header, body, cookie, message } = canaries as Record<string, string>;
    const headers = { 'x-canary': header as string, cookie: `canary=${cookie}; ${cookieHeader(browser)}` };
    const request = {
      method: 'POST',
      headers: { ...headers, origin: published.origin },
      body: body as string,
    };
    const answer = await browser.fetch(`/path/${url}?query=${url}`, request);
    // A mask of zeros (RFC 6455 §5.3): what a visitor says stands on the wire as it is, so that a search can find it.
    const plain = { perMessageDeflate: false, generateMask: (mask: Buffer) => void mask.fill(0) };
    const socket = new WebSocket(`wss://${NAME}/socket`, { ...browser.webSocketOptions(), ...plain });
    await once(socket, 'open');
    socket.send(message as string);
    const [echo] = (await once(socket, 'message')) as [Buffer];
    const search = await capture.searchAll(Object.values(canaries));
    socket.terminate();
    const findings = new Map(Object.keys(canaries).map((name, index) => [name, search[index] as Findings]));
    return { findings, heard: service.heard(), answer: answer.body, message: echo.toString() };
  } finally {
    await capture.stop();
  }
}

const cookieHeader = (browser: Browser): string =>
  browser
    .cookies()
    .map(([name, value]) => `${name}=${value}`)
    .join('; ');

describe.each(['home', 'relay'] as const)('tls: %s', (tls) => {
  const canaries = {
    url: makeCanary(),
    header: makeCanary(),
    body: makeCanary(),
    cookie: makeCanary(),
    message: makeCanary(),
    answer: makeCanary(),
  };
  let service: Service;
  let published: Published;
  let outcome: Outcome;

  beforeAll(async () => {
    service = await startService(canaries.answer);
    published = await publish({ name: NAME, to: service.url, tls });
    await published.becomes('open');
    outcome = await sendAndSearch(published, service, canaries);
  });
  afterAll(async () => {
    await published?.stop();
    service?.close();
  });

  test('every canary made its way to the service, or from it to the visitor', () => {
    for (const name of ['url', 'header', 'body', 'cookie', 'message'] as const) {
      expect(outcome.heard).toContain(canaries[name]);
    }
    expect([outcome.answer, outcome.message]).toEqual([canaries.answer, canaries.answer]);
  });

  test('the recording saw the traffic in every place it looks at', () => {
    for (const { wire, calls, memory, files } of outcome.findings.values()) {
      expect(wire.bytes).toBeGreaterThan(2000);
      expect(calls.bytes).toBeGreaterThan(2000);
      expect(memory.bytes).toBeGreaterThan(1_000_000);
      expect(files.bytes).toBeGreaterThan(0);
    }
  });

  if (tls === 'home') {
    test('the relay sees none: wire, system calls, memory, files', () => {
      for (const [name, { wire, calls, memory, files }] of outcome.findings) {
        expect([name, wire.hits, calls.hits, memory.hits, files.hits]).toEqual([name, 0, 0, 0, 0]);
      }
    });
  } else {
    test('the same search finds each, so it could have found them', () => {
      for (const [name, { calls }] of outcome.findings) expect([name, calls.hits > 0]).toEqual([name, true]);
      const found = [...outcome.findings.values()];
      expect(found.some(({ memory }) => memory.hits > 0)).toBe(true);
      expect(outcome.findings.get('url')?.files.hits).toBeGreaterThan(0);
    });
  }
});

test('a canary is found in each of its disguises, wherever the cut falls', () => {
  const canary = makeCanary();
  const hex = Buffer.from(canary).toString('hex');
  const disguises = [
    canary,
    canary.split('').toReversed().join(''),
    hex,
    hex.toUpperCase(),
    hex.replace(/../g, '%$&'),
    ...['', 'x', 'xy'].map((before) => Buffer.from(`${before}${canary}tail`).toString('base64')),
  ];
  const needles = needlesOf(canary);
  for (const disguise of disguises) {
    for (const half of [disguise.slice(0, disguise.length / 2), disguise.slice(disguise.length / 2)]) {
      expect(needles.some((needle) => half.includes(needle.toString()))).toBe(true);
    }
  }
});
