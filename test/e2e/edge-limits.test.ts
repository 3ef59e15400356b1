import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { limitsSchema } from '../../src/config/schema.ts';
import { SIGNED_IN_COOKIE } from '../support/edge-gatekeeper.ts';
import { type Http2Answer, requestHttp2 } from '../support/edge-http2.ts';
import { NAME, PROXY_LINE, TestEdge } from '../support/edge-home.ts';
import { RawService } from '../support/edge-service.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { waitFor } from '../support/wait-for.ts';

const LIMITS = limitsSchema.parse({});
/** A sweep may come this much later than the limit. */
const SWEEP_MS = 200;

let service: RawService;
let home: TestEdge;
let clock: FakeClock;

beforeAll(async () => {
  service = await RawService.start();
  clock = new FakeClock();
  home = await TestEdge.start({
    target: service.target,
    clock,
    limits: { connectionsPerAddress: 5, connectionsPerAddressSignedIn: 8, connections: 12 },
  });
});
afterEach(async () => {
  service.reset();
  await home.dropClients();
});
afterAll(async () => {
  await home.stop();
  await service.stop();
});

/** Nothing has ended after a while of real time in which the edge was free to act. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 4));
}

/** The connection is there just before the limit and gone after it. */
async function expectEndAt(wire: Wire, limitMs: number): Promise<void> {
  await settle();
  clock.advance(limitMs - SWEEP_MS);
  await settle();
  expect(wire.isEnded).toBe(false);
  clock.advance(2 * SWEEP_MS);
  await wire.ended();
}

describe('time', () => {
  test('slow PROXY header: 2 s', async () => {
    const wire = new Wire(home.connectRaw());
    wire.send('PROXY TCP4');
    await expectEndAt(wire, LIMITS.proxyHeaderMs);
  });

  test('slow ClientHello: 5 s', async () => {
    const wire = new Wire(home.connectRaw());
    wire.send(`${PROXY_LINE}\x16\x03\x01`);
    await expectEndAt(wire, LIMITS.clientHelloMs);
  });

  test('a handshake that stops in the middle: 10 s', async () => {
    const hello = await recordClientHello(home);
    const wire = new Wire(home.connectRaw());
    wire.send(PROXY_LINE);
    wire.socket.write(hello);
    await waitFor('the server flight', 2000, () => wire.text.length > 0);
    await expectEndAt(wire, LIMITS.tlsHandshakeMs);
  });

  test('slow headers (slowloris): 10 s from the first byte, with 408', async () => {
    const wire = new Wire(await home.connectTls());
    wire.send('GET / HTTP/1.1\r\nHost: ');
    await settle();
    clock.advance(SWEEP_MS);
    for (let second = 0; second < 9; second++) {
      clock.advance(1000);
      wire.send('a');
      await settle();
    }
    expect(wire.isEnded).toBe(false);
    clock.advance(1000 + SWEEP_MS);
    expect((await wire.answer()).status).toBe(408);
    expect(service.seen).toEqual([]);
  });

  test('a connection without a request: 60 s, before the first and after one', async () => {
    await expectEndAt(new Wire(await home.connectTls()), LIMITS.idleKeepAliveMs);
    const wire = new Wire(await home.connectTls());
    wire.send(signedInRequest('GET /'));
    await wire.answer();
    await expectEndAt(wire, LIMITS.idleKeepAliveMs);
  });

  test('an HTTP/2 connection without a stream: 60 s', async () => {
    const session = await home.connectHttp2();
    await requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
    await settle();
    clock.advance(LIMITS.idleKeepAliveMs - SWEEP_MS);
    await settle();
    expect(session.closed).toBe(false);
    clock.advance(2 * SWEEP_MS);
    await waitFor('the session is closed', 2000, () => session.closed);
  });

  test('a slow body: 30 s without progress, counted anew with every byte; the service is let go', async () => {
    const wire = new Wire(await home.connectTls());
    wire.send(signedInRequest('POST /', ['Content-Length: 100'], 'x'));
    await waitFor('the service saw it', 2000, () => service.seen.length === 1);
    clock.advance(LIMITS.bodyIdleMs - SWEEP_MS);
    wire.send('x');
    await waitFor('the second byte', 2000, () => service.last.body.length === 2);
    await expectEndAt(wire, LIMITS.bodyIdleMs);
    await waitFor('the service lost it', 2000, () => service.sockets[0]?.destroyed);
  });

  test('a slow body of HTTP/2: the stream ends, the connection stays', async () => {
    const session = await home.connectHttp2();
    const stream = session.request({
      ':method': 'POST',
      ':authority': NAME,
      ':path': '/',
      cookie: SIGNED_IN_COOKIE,
    });
    stream.on('error', () => {});
    stream.write('x');
    await waitFor('the service saw it', 2000, () => service.seen.length === 1);
    clock.advance(LIMITS.bodyIdleMs + SWEEP_MS);
    await waitFor('the stream is closed', 2000, () => stream.closed);
    expect(
      (await requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE })).status,
    ).toBe(200);
  });

  test('a slow body for the sign-in ends too', async () => {
    const wire = new Wire(await home.connectTls());
    wire.send(`POST / HTTP/1.1\r\nHost: ${NAME}\r\nContent-Length: 100\r\n\r\nx`);
    await expectEndAt(wire, LIMITS.bodyIdleMs);
  });

  test('a long answer, a stream and a WebSocket are not idle', async () => {
    service.onRequest = () => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin';
    const wire = new Wire(await home.connectTls());
    wire.send(signedInRequest('GET /'));
    await waitFor('the beginning', 2000, () => wire.text.endsWith('begin'));
    clock.advance(3_600_000);
    await settle();
    service.sockets[0]?.write('-ends');
    expect((await wire.answer()).body).toBe('begin-ends');
  });
});

describe('size', () => {
  const overheadOf = (fields: readonly string[]): number => signedInRequest('GET /', fields).length - 2;

  test('a header block of 16 KiB passes, one byte more is 431', async () => {
    const fill = LIMITS.headerBytes - overheadOf(['X-A: ']);
    for (const [more, status] of [
      [0, 200],
      [8, 431],
    ] as const) {
      const wire = new Wire(await home.connectTls());
      wire.send(signedInRequest('GET /', [`X-A: ${'x'.repeat(fill + more)}`]));
      expect((await wire.answer()).status).toBe(status);
      wire.socket.destroy();
    }
    expect(service.seen).toHaveLength(1);
  });

  test('100 fields pass, 101 are 431', async () => {
    for (const [count, status] of [
      [98, 200],
      [99, 431],
    ] as const) {
      const wire = new Wire(await home.connectTls());
      wire.send(
        signedInRequest(
          'GET /',
          Array.from({ length: count }, (_, index) => `X-${index}: y`),
        ),
      );
      expect((await wire.answer()).status).toBe(status);
      wire.socket.destroy();
    }
    expect(service.seen).toHaveLength(1);
  });

  test('a URL of 8 KiB passes, one byte more is 414', async () => {
    for (const [length, status] of [
      [LIMITS.urlBytes, 200],
      [LIMITS.urlBytes + 1, 414],
    ] as const) {
      const wire = new Wire(await home.connectTls());
      wire.send(signedInRequest(`GET /${'u'.repeat(length - 1)}`));
      expect((await wire.answer()).status).toBe(status);
      wire.socket.destroy();
    }
    expect(service.seen).toHaveLength(1);
  });

  test('the same over HTTP/2: 431 and 414 on a connection that stays good', async () => {
    const session = await home.connectHttp2();
    const ask = (headers: Record<string, string>): Promise<Http2Answer> =>
      requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE, ...headers });
    const fields = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'y']));
    expect((await ask(fields(99))).status).toBe(200);
    expect((await ask(fields(100))).status).toBe(431);
    expect((await ask({ ':path': `/${'u'.repeat(LIMITS.urlBytes)}` })).status).toBe(414);
    expect((await ask({ ':path': `/${'u'.repeat(LIMITS.urlBytes - 1)}` })).status).toBe(200);
    expect((await ask({ 'x-a': 'x'.repeat(LIMITS.headerBytes) })).status).toBe(431);
    expect(service.seen).toHaveLength(2);
  });

  test('an endless head is cut off long before it is in memory', async () => {
    const wire = new Wire(await home.connectTls());
    wire.send('GET / HTTP/1.1\r\n');
    for (let sent = 0; sent < 200 && !wire.isEnded && wire.text === ''; sent++) {
      wire.send(`X-${sent}: ${'y'.repeat(1000)}\r\n`);
      await settle();
    }
    expect((await wire.answer()).status).toBe(431);
  });

  test('a body that is too long for the sign-in is refused', async () => {
    const wire = new Wire(await home.connectTls());
    wire.send(`POST / HTTP/1.1\r\nHost: ${NAME}\r\nContent-Length: 1001\r\n\r\n${'x'.repeat(1001)}`);
    expect((await wire.answer()).status).toBe(413);
    const fine = new Wire(await home.connectTls());
    fine.send(`POST / HTTP/1.1\r\nHost: ${NAME}\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(1000)}`);
    expect(await fine.answer()).toMatchObject({ status: 200, body: 'thanks' });
  });
});

describe('number', () => {
  const connectFrom = async (address: string): Promise<Wire | undefined> =>
    home.connectTls({ proxyLine: `PROXY TCP4 ${address} 198.51.100.1 1 2\r\n` }).then(
      (socket) => new Wire(socket),
      () => undefined,
    );

  test('connections of an address: 5 before sign-in, 8 after; others are not touched; a closed one makes room', async () => {
    const wires: Wire[] = [];
    for (let count = 0; count < 5; count++) wires.push((await connectFrom('203.0.113.1')) as Wire);
    expect(await connectFrom('203.0.113.1')).toBeUndefined();
    expect(await connectFrom('203.0.113.2')).toBeDefined();
    wires[0]?.send(signedInRequest('GET /'));
    expect((await wires[0]?.answer())?.status).toBe(200);
    for (let count = 5; count < 8; count++) wires.push((await connectFrom('203.0.113.1')) as Wire);
    expect(wires.every((wire) => wire !== undefined)).toBe(true);
    expect(await connectFrom('203.0.113.1')).toBeUndefined();
    wires[7]?.socket.destroy();
    await waitFor('its place is free', 2000, () => home.edge.counts().connections === 8);
    expect(await connectFrom('203.0.113.1')).toBeDefined();
  });

  test('addresses of one /64 are one address', async () => {
    const connectFrom6 = (last: number): Promise<Duplex> =>
      home.connectTls({ proxyLine: `PROXY TCP6 2001:db8::${last} ::1 1 2\r\n` });
    for (let last = 1; last <= 5; last++) await connectFrom6(last);
    await expect(connectFrom6(6)).rejects.toThrow(
      /closed before TLS|ECONNRESET|ENOENT|ECONNREFUSED|EPIPE|socket|SSL|alert|version/i,
    );
  });

  test('connections in all: 12, PROXY header or not; the thirteenth is closed', async () => {
    const raw = Array.from({ length: 12 }, () => new Wire(home.connectRaw()));
    await waitFor('all are counted', 2000, () => home.edge.counts().connections === 12);
    const last = new Wire(home.connectRaw());
    await last.ended();
    expect(raw.every((wire) => !wire.isEnded)).toBe(true);
  });
});

/** The first bytes of a client of TLS. */
async function recordClientHello(edge: TestEdge): Promise<Buffer> {
  const { Duplex: Base } = await import('node:stream');
  const { connect } = await import('node:tls');
  return new Promise((resolve) => {
    const sink = new Base({ read() {}, write: (chunk: Buffer, _encoding, done) => (resolve(chunk), done()) });
    const client = connect({ socket: sink, servername: NAME, ALPNProtocols: ['http/1.1'] });
    client.on('error', () => {});
    edge.keep(client);
  });
}
