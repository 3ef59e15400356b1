import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SIGNED_IN_COOKIE } from '../support/edge-gatekeeper.ts';
import { requestHttp2 } from '../support/edge-http2.ts';
import { NAME, TestEdge } from '../support/edge-home.ts';
import { RawService } from '../support/edge-service.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';
import { waitFor } from '../support/wait-for.ts';

let service: RawService;
let home: TestEdge;

beforeAll(async () => {
  service = await RawService.start();
  home = await TestEdge.start({ target: service.target });
});
afterEach(() => service.reset());
afterAll(async () => {
  await home.stop();
  await service.stop();
});

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const FRAME = { data: 0, headers: 1, rst: 3, settings: 4, ping: 6, goaway: 7, continuation: 9 } as const;

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A literal field without indexing (RFC 7541 §6.2.2); both parts shorter than 127 bytes. */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name, 'latin1'),
    Buffer.from([value.length]),
    Buffer.from(value, 'latin1'),
  ]);
}

function headBlock(more: ReadonlyArray<readonly [string, string]> = [], path = '/'): Buffer {
  return Buffer.concat(
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', NAME],
      [':path', path],
      ['cookie', SIGNED_IN_COOKIE],
      ...more,
    ].map(([name, value]) => literal(name as string, value as string)),
  );
}

async function connectRawHttp2(): Promise<Wire> {
  const wire = new Wire(await home.connectTls({ alpn: ['h2'] }));
  wire.send(PREFACE);
  wire.socket.write(frame(FRAME.settings, 0, 0));
  return wire;
}

async function expectOthersAreFine(): Promise<void> {
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /good'));
  expect((await wire.answer()).body).toBe('ok');
}

describe('floods', () => {
  test('rapid reset (CVE-2023-44487): 200 resets pass, more end the connection', async () => {
    const wire = await connectRawHttp2();
    const block = headBlock();
    let stream = 1;
    const reset = async (): Promise<void> => {
      const before = service.seen.length;
      wire.socket.write(frame(FRAME.headers, 5, stream, block));
      await waitFor('the service saw it', 2000, () => service.seen.length > before || wire.isEnded);
      wire.socket.write(frame(FRAME.rst, 0, stream, Buffer.from([0, 0, 0, 8])));
      stream += 2;
    };
    service.onRequest = () => '';
    for (let count = 0; count < 200; count++) await reset();
    service.onRequest = () => undefined;
    wire.socket.write(frame(FRAME.headers, 5, stream, headBlock([], '/good')));
    await waitFor('the 201st stream is served', 2000, () => service.last.line === 'GET /good HTTP/1.1');
    expect(wire.isEnded).toBe(false);
    service.onRequest = () => '';
    stream += 2;
    for (let count = 0; count < 60 && !wire.isEnded; count++) await reset();
    await wire.ended();
    service.onRequest = () => undefined;
    await expectOthersAreFine();
  });

  test('rapid reset in one write: the service sees a bounded number', async () => {
    const wire = await connectRawHttp2();
    const block = headBlock();
    const frames: Buffer[] = [];
    for (let stream = 1; stream < 4000; stream += 2) {
      frames.push(
        frame(FRAME.headers, 5, stream, block),
        frame(FRAME.rst, 0, stream, Buffer.from([0, 0, 0, 8])),
      );
    }
    wire.socket.write(Buffer.concat(frames));
    await wire.ended();
    expect(service.seen.length).toBeLessThanOrEqual(260);
    await expectOthersAreFine();
  });

  test('CONTINUATION flood (CVE-2024-27316): the connection ends, memory does not grow', async () => {
    const wire = await connectRawHttp2();
    wire.socket.write(frame(FRAME.headers, 1, 1, headBlock()));
    const before = process.memoryUsage().rss;
    const piece = frame(FRAME.continuation, 0, 1, literal('x-a', 'y'.repeat(100)));
    for (let count = 0; count < 20_000 && !wire.isEnded; count++) {
      wire.socket.write(piece);
      if (count % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await wire.ended();
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
    expect(service.seen).toEqual([]);
    await expectOthersAreFine();
  });

  test('100 streams at a time; one more is refused, not served', async () => {
    service.onRequest = () => '';
    const session = await home.connectHttp2();
    await new Promise<void>((resolve) => session.once('remoteSettings', () => resolve()));
    expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
    const wire = await connectRawHttp2();
    const block = headBlock();
    const streams = Array.from({ length: 130 }, (_, index) => frame(FRAME.headers, 5, index * 2 + 1, block));
    wire.socket.write(Buffer.concat(streams));
    await waitFor('the service has what is allowed', 3000, () => service.seen.length >= 100);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(service.seen.length).toBe(100);
  });

  test('ping, settings and empty-frame floods do not disturb others', async () => {
    for (const piece of [
      frame(FRAME.ping, 0, 0, Buffer.alloc(8)),
      frame(FRAME.settings, 0, 0),
      frame(FRAME.data, 0, 1),
    ]) {
      const wire = await connectRawHttp2();
      wire.socket.write(frame(FRAME.headers, 4, 1, headBlock([['x-post', '1']])));
      for (let count = 0; count < 200 && !wire.isEnded; count++)
        wire.socket.write(Buffer.concat(Array(100).fill(piece)));
      await expectOthersAreFine();
      wire.socket.destroy();
    }
  });
});

describe('what HTTP/1.1 would misread', () => {
  test.each([
    ['connection', 'close'],
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'websocket'],
    ['keep-alive', 'x'],
    ['proxy-connection', 'x'],
    ['te', 'gzip'],
    ['x-a', 'b\r\nx-injected: 1'],
    ['x-a', 'b\nx-injected: 1'],
    ['x-a', 'b\0c'],
    ['x-a\r\nx-injected', '1'],
    ['X-Upper', '1'],
    ['x a', '1'],
    ['', '1'],
    ['x:y', '1'],
    ['content-length', '5'],
    ['content-length', 'x'],
    ['host', 'evil.localhost'],
    [':path', '/second'],
    [':unknown', 'x'],
    [':protocol', 'websocket'],
  ])('%j: %j does not reach the service', async (name, value) => {
    const wire = await connectRawHttp2();
    wire.socket.write(frame(FRAME.headers, 5, 1, headBlock([[name, value]])));
    wire.socket.write(frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
    await waitFor(
      'the edge has read it',
      2000,
      () => wire.isEnded || wire.text.includes('\x00\x00\x08\x06\x01'),
    );
    // nghttp2 refuses the stream, or drops just the field.
    for (const { line, fields } of service.seen) {
      expect(line).toBe('GET / HTTP/1.1');
      expect([...fields.keys()]).toEqual([
        'host',
        'x-forwarded-for',
        'x-forwarded-proto',
        'x-forwarded-host',
      ]);
    }
    await expectOthersAreFine();
  });

  test.each(['/\r\nx: y', '/ x', '', 'x', '*', 'http://a/', '/\x00', '/a\tb'])(
    'the path %j does not',
    async (path) => {
      const wire = await connectRawHttp2();
      wire.socket.write(frame(FRAME.headers, 5, 1, headBlock([], path)));
      wire.socket.write(frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
      await waitFor(
        'the edge has read it',
        2000,
        () => wire.isEnded || wire.text.includes('\x00\x00\x08\x06\x01'),
      );
      expect(service.seen).toEqual([]);
    },
  );

  test('the same block without an attack does (so that the others can fail)', async () => {
    const wire = await connectRawHttp2();
    wire.socket.write(frame(FRAME.headers, 5, 1, headBlock([['x-a', 'b']], '/fine')));
    await waitFor('the service saw it', 2000, () => service.seen.length === 1);
    expect(service.last.line).toBe('GET /fine HTTP/1.1');
    expect(service.last.fields.get('x-a')).toEqual(['b']);
  });

  test('a body longer or shorter than its length is no whole request', async () => {
    for (const [length, body] of [
      ['3', 'abcdef'],
      ['9', 'abcdef'],
    ] as const) {
      const wire = await connectRawHttp2();
      const block = headBlock([['content-length', length]]);
      wire.socket.write(frame(FRAME.headers, 4, 1, block));
      wire.socket.write(frame(FRAME.data, 1, 1, Buffer.from(body)));
      await expectOthersAreFine();
      expect(service.seen.filter(({ line }) => line === 'GET /good HTTP/1.1')).toHaveLength(1);
      await waitFor('the half one is given up', 2000, () =>
        service.seen.every(
          (one) => one.line.includes('good') || service.sockets[one.connection - 1]?.destroyed !== false,
        ),
      );
      service.seen.length = 0;
    }
  });
});

describe('windows', () => {
  test('strangers get 64 KiB, who has signed in 4 MiB', async () => {
    const session = await home.connectHttp2();
    await new Promise<void>((resolve) => session.once('remoteSettings', () => resolve()));
    expect(session.remoteSettings.initialWindowSize).toBe(65_535);
    await requestHttp2(session, { ':authority': NAME, ':path': '/' });
    expect(session.remoteSettings.initialWindowSize).toBe(65_535);
    await requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
    await waitFor('bigger windows', 2000, () => session.remoteSettings.initialWindowSize === 4 * 1024 * 1024);
  });
});

test('a revoked session loses its streams and its connection', async () => {
  service.onRequest = () => 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin';
  const session = await home.connectHttp2();
  const answer = requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
  await waitFor('it runs', 2000, () => service.seen.length === 1);
  home.gatekeeper.revoke({ kind: 'device', id: 'device-of-s1' });
  expect((await answer).resetCode).not.toBe(0);
  await waitFor('the connection is closed', 2000, () => session.closed);
});
