import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { requestHttp2 } from '../support/edge-http2.ts';
import { NAME, TestEdge } from '../support/edge-home.ts';
import { RawService } from '../support/edge-service.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { waitFor } from '../support/wait-for.ts';
import { SIGNED_IN_COOKIE } from '../support/edge-gatekeeper.ts';

let service: RawService;
let home: TestEdge;
let echoHome: TestEdge;
const echo = createServer((request, response) => {
  if (request.url === '/count') {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => response.end(String(bytes)));
  } else request.pipe(response);
});
const sockets = new WebSocketServer({ server: echo });

beforeAll(async () => {
  service = await RawService.start();
  home = await TestEdge.start({ target: service.target });
  sockets.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const { port } = echo.address() as AddressInfo;
  echoHome = await TestEdge.start({ target: { kind: 'tcp', host: '127.0.0.1', port, tls: false } });
});
afterEach(() => service.reset());
afterAll(async () => {
  await home.stop();
  await echoHome.stop();
  await service.stop();
  sockets.close();
  echo.closeAllConnections();
  echo.close();
});

async function openWebSocket(path: string): Promise<WebSocket> {
  const secure = await echoHome.connectTls();
  const socket = new WebSocket(`ws://${NAME}${path}`, {
    createConnection: () => secure,
    headers: { cookie: SIGNED_IN_COOKIE, host: NAME },
  });
  socket.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('unexpected-response', (_request, response) =>
      reject(new Error(`status ${response.statusCode}`)),
    );
    socket.on('error', reject);
  });
  return socket;
}

test('a WebSocket echoes through the edge on any path, small and 20 MiB', async () => {
  const socket = await openWebSocket('/any/path?x=1');
  for (const size of [1, 20 * 1024 * 1024]) {
    const answer = new Promise<Buffer>((resolve) =>
      socket.once('message', (data) => resolve(data as Buffer)),
    );
    socket.send(Buffer.alloc(size, 7));
    expect((await answer).length).toBe(size);
  }
  expect(echoHome.edge.counts().webSockets).toBe(1);
  socket.close();
  await waitFor('no WebSocket is left', 2000, () => echoHome.edge.counts().webSockets === 0);
});

test('a revoked session loses its WebSocket within a second; another keeps his', async () => {
  const mine = await openWebSocket('/');
  const closed = new Promise<number>((resolve) => mine.on('close', resolve));
  echoHome.gatekeeper.revoke({ kind: 'session', id: 'other' });
  const answer = new Promise<Buffer>((resolve) => mine.once('message', (data) => resolve(data as Buffer)));
  mine.send('still here');
  expect((await answer).toString()).toBe('still here');
  const startMs = performance.now();
  echoHome.gatekeeper.revoke({ kind: 'session', id: 's1' });
  await closed;
  expect(performance.now() - startMs).toBeLessThan(1000);
});

test('RFC 8441: a WebSocket on a stream of HTTP/2 is a handshake of RFC 6455 at the service', async () => {
  const session = await echoHome.connectHttp2();
  await new Promise<void>((resolve) => session.once('remoteSettings', () => resolve()));
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'https',
      ':authority': NAME,
      ':path': '/ws',
      'sec-websocket-version': '13',
      cookie: SIGNED_IN_COOKIE,
    },
    { endStream: false },
  );
  const status = new Promise<number>((resolve) =>
    stream.on('response', (fields) => resolve(Number(fields[':status']))),
  );
  let bytes = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
  expect(await status).toBe(200);
  // A masked text frame "hi" with the mask 0 (RFC 6455 §5.2).
  stream.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
  await waitFor('the echo', 2000, () => bytes.equals(Buffer.from([0x81, 0x02, 0x68, 0x69])));
  expect(echoHome.edge.counts().webSockets).toBe(1);
  stream.close();
  await waitFor('the service lost it', 2000, () => echoHome.edge.counts().webSockets === 0);
});

test('events are passed on one by one, not gathered', async () => {
  service.onRequest = () =>
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /events'));
  await waitFor('the head', 2000, () => wire.text.includes('\r\n\r\n'));
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    service.sockets[0]?.write(`${event.length.toString(16)}\r\n${event}\r\n`);
    await waitFor(event, 2000, () => wire.text.includes(event));
  }
  wire.socket.destroy();
  await waitFor('the service hears that the visitor has gone', 2000, () => service.sockets[0]?.destroyed);
});

test.each(['length', 'chunked'])('an upload over HTTP/1.1 arrives whole (%s)', async (framing) => {
  const body = Buffer.alloc(3_000_000, 'x');
  const wire = new Wire(await echoHome.connectTls());
  if (framing === 'length') {
    wire.send(signedInRequest('POST /count', [`Content-Length: ${body.length}`]));
    wire.socket.write(body);
  } else {
    wire.send(signedInRequest('POST /count', ['Transfer-Encoding: chunked']));
    for (let at = 0; at < body.length; at += 30_000)
      wire.send(`7530\r\n${body.toString('latin1', at, at + 30_000)}\r\n`);
    wire.send('0\r\n\r\n');
  }
  expect((await wire.answer()).body).toContain(String(body.length));
});

test.each([true, false])('an upload over HTTP/2 arrives whole (with a length: %s)', async (hasLength) => {
  const body = Buffer.alloc(3_000_000, 'x');
  const session = await echoHome.connectHttp2();
  const answer = await requestHttp2(
    session,
    {
      ':method': 'POST',
      ':authority': NAME,
      ':path': '/count',
      cookie: SIGNED_IN_COOKIE,
      ...(hasLength ? { 'content-length': body.length } : {}),
    },
    body,
  );
  expect(answer).toMatchObject({ status: 200, body: String(body.length) });
});

test.each(['http/1.1', 'h2'])(
  '8 MiB go to the service and come back byte by byte, while both sides are busy (%s)',
  async (protocol) => {
    const body = randomBytes(8 * 1024 * 1024);
    if (protocol === 'h2') {
      const session = await echoHome.connectHttp2();
      const head = { ':method': 'POST', ':authority': NAME, ':path': '/echo', cookie: SIGNED_IN_COOKIE };
      const answer = await requestHttp2(session, head, body);
      if (!Buffer.from(answer.body, 'latin1').equals(body)) throw new Error('the body changed on its way');
      return;
    }
    const wire = new Wire(await echoHome.connectTls());
    wire.send(signedInRequest('POST /echo', [`Content-Length: ${body.length}`, 'Connection: close']));
    wire.socket.write(body);
    await wire.ended();
    const start = wire.text.indexOf('\r\n\r\n') + 4;
    expect(dechunk(Buffer.from(wire.text.slice(start), 'latin1')).equals(body)).toBe(true);
  },
);

function dechunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
}

test('a head whose body is late does not wait for it', async () => {
  service.onRequest = () => 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n';
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /late'));
  await waitFor('the head', 2000, () => wire.text.includes('Content-Length: 4'));
  service.sockets[0]?.write('late');
  expect((await wire.answer()).body).toBe('late');
});

test('a visitor of HTTP/2 who cancels is heard by the service', async () => {
  service.onRequest = () => 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin';
  const session = await home.connectHttp2();
  const stream = session.request({ ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
  stream.on('error', () => {});
  stream.on('data', () => stream.close(8));
  await waitFor('the service lost it', 2000, () => service.sockets[0]?.destroyed);
});

test('a service that is down is a page with 502, in the language of the visitor; and 502 on a WebSocket', async () => {
  const dead = await RawService.start();
  const lost = await TestEdge.start({ target: dead.target });
  await dead.stop();
  try {
    const wire = new Wire(await lost.connectTls());
    wire.send(signedInRequest('GET /', ['Accept: text/html', 'Accept-Language: zh-CN,zh;q=0.9,en;q=0.8']));
    const answer = await wire.answer();
    expect(answer.status).toBe(502);
    expect(answer.head).toMatch(/content-type: text\/html/);
    expect(answer.body).toMatch(/<html lang="zh/);
    wire.send(
      signedInRequest('GET /', [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ]),
    );
    expect((await wire.answer()).status).toBe(502);
    await wire.ended();
  } finally {
    await lost.stop();
  }
});

test('a shut service is a page with 503 for those who may in, and the gate for strangers', async () => {
  home.edge.setServiceState(NAME, { open: false, reason: 'guard' });
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /'));
  expect((await wire.answer()).status).toBe(503);
  wire.send(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
  expect((await wire.answer()).body).toBe('sign in');
  home.edge.setServiceState(NAME, { open: true });
  wire.send(signedInRequest('GET /'));
  expect((await wire.answer()).status).toBe(200);
  expect(service.seen).toHaveLength(1);
});

test('a WebSocket that stays open is reported as use of its session, once a minute and not per message', async () => {
  const clock = new FakeClock();
  const own = await TestEdge.start({ target: service.target, clock });
  try {
    service.onRequest = () =>
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
    const wire = new Wire(await own.connectTls());
    wire.send(
      signedInRequest('GET /', [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        `Origin: https://${NAME}`,
      ]),
    );
    expect((await wire.answer()).status).toBe(101);
    for (let count = 0; count < 20; count++) wire.send('\x81\x80\0\0\0\0');
    clock.advance(59_000);
    expect(own.gatekeeper.used).toEqual([]);
    clock.advance(61_000);
    expect(own.gatekeeper.used).toEqual(['s1', 's1']);
  } finally {
    await own.stop();
  }
});
