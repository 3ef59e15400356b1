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

async function ask(line = 'GET /', fields: readonly string[] = [], body = ''): Promise<Wire> {
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest(line, fields, body));
  return wire;
}

/** The next request on the visitor's own connection is answered with what belongs to it. */
async function expectFine(wire: Wire): Promise<void> {
  service.onRequest = () => undefined;
  wire.send(signedInRequest('GET /good'));
  expect(await wire.answer()).toMatchObject({ status: 200, body: 'ok' });
}

describe('an odd head of the service is a 502, and its connection is not used again', () => {
  test.each([
    ['garbage', 'hello there\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\r\n\r\n'],
    ['another version', 'HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok'],
    ['a bare LF between fields', 'HTTP/1.1 200 OK\r\nX-A: b\nX-B: c\r\nContent-Length: 2\r\n\r\nok'],
    ['an obs-fold', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok'],
    ['a NUL in a value', 'HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: 2\r\n\r\nok'],
    ['a line without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nok'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok'],
    [
      'length and chunked',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['chunked in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['101 unasked', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(10_000)}`],
    ['1xx without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50)],
  ])('%s', async (_name, answer) => {
    service.onRequest = () => answer;
    const wire = await ask();
    let seen = await wire.answer();
    while (seen.status < 200) seen = await wire.answer();
    expect(seen.status).toBe(502);
    expect(seen.body).not.toContain('hello');
    expect(service.seen).toHaveLength(1);
    await waitFor('its connection is closed', 2000, () => service.sockets[0]?.destroyed);
    await expectFine(wire);
  });

  test('it closes without a word: 502', async () => {
    service.onRequest = (_request, socket) => (socket.destroy(), '');
    const wire = await ask('POST /', ['Content-Length: 1'], 'x');
    expect((await wire.answer()).status).toBe(502);
    expect(service.seen).toHaveLength(1);
    await expectFine(wire);
  });
});

describe('an odd body of the service breaks the answer off, so that nobody takes it for whole', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

  test.each([
    ['a bad chunk size', `${HEAD}zz\r\n`],
    ['a chunk longer than it says', `${HEAD}2\r\nokok\r\n0\r\n\r\n`],
    ['a chunk size with a bare LF', `${HEAD}2\nok\r\n0\r\n\r\n`],
    ['a bad trailer', `${HEAD}2\r\nok\r\n0\r\nbad trailer\r\n\r\n`],
  ])('%s', async (_name, answer) => {
    service.onRequest = () => answer;
    const wire = await ask();
    // Where nothing of it had gone out yet, a proper 502 could still be given.
    await waitFor('the end of it', 5000, () => wire.isEnded || wire.text.startsWith('HTTP/1.1 502'));
    expect(wire.text.endsWith('0\r\n\r\n')).toBe(false);
    service.onRequest = () => answer;
    const session = await home.connectHttp2();
    const over2 = await requestHttp2(session, {
      ':authority': NAME,
      ':path': '/',
      cookie: SIGNED_IN_COOKIE,
    }).catch(() => ({ resetCode: 2 }));
    expect(over2.resetCode).not.toBe(0);
    await expectFine(new Wire(await home.connectTls()));
  });

  test('fewer bytes than its length', async () => {
    service.onRequest = (_request, socket) => (
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort'),
      ''
    );
    const wire = await ask();
    await wire.ended();
    expect(wire.text).toMatch(/Content-Length: 10\r\n[^]*\r\nshort$/);
  });

  test('no byte of a body that it announced: 502', async () => {
    service.onRequest = (_request, socket) => (
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'),
      ''
    );
    const wire = await ask();
    expect((await wire.answer()).status).toBe(502);
    await expectFine(wire);
  });

  test('no byte of a body that it announced, over HTTP/2: 502 on a connection that stays good', async () => {
    service.onRequest = (_request, socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
      return '';
    };
    const session = await home.connectHttp2();
    const get = () => requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
    expect(await get()).toMatchObject({ status: 502, resetCode: 0 });
    service.onRequest = () => undefined;
    expect(await get()).toMatchObject({ status: 200, body: 'ok' });
  });

  test('a head whose body takes its time does not wait for it, on both protocols', async () => {
    service.onRequest = () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';
    const wire = await ask();
    await waitFor('the head', 5000, () => wire.text.startsWith('HTTP/1.1 200'));
    const session = await home.connectHttp2();
    const stream = session.request({ ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
    let status: unknown;
    stream.on('response', (fields) => (status = fields[':status']));
    await waitFor('the head over HTTP/2', 5000, () => status === 200);
    for (const socket of service.sockets) socket.write('ok');
    expect((await wire.answer()).body).toBe('ok');
    stream.resume();
    await waitFor('the end of the stream', 5000, () => stream.closed);
    expect(stream.rstCode).toBe(0);
  });

  test('two answers: the second reaches nobody', async () => {
    service.onRequest = () =>
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';
    const wire = await ask();
    expect((await wire.answer()).body).toBe('ok');
    await expectFine(wire);
    expect(wire.text).toBe('');
  });

  test('more bytes than its length, later: the kept connection is thrown away', async () => {
    const wire = await ask();
    expect((await wire.answer()).body).toBe('ok');
    service.sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison');
    await waitFor('it is thrown away', 2000, () => service.sockets[0]?.destroyed);
    await expectFine(wire);
    expect(service.last.connection).not.toBe(service.seen[0]?.connection);
  });

  test('a body where there is none (HEAD, 304, 204): not passed on', async () => {
    for (const [line, status] of [
      ['HEAD /', '200 OK'],
      ['GET /', '304 Not Modified'],
      ['GET /', '204 No Content'],
    ] as const) {
      service.onRequest = () => `HTTP/1.1 ${status}\r\nContent-Length: 6\r\n\r\npoison`;
      const wire = await ask(line);
      expect((await wire.answer(true)).status).toBe(Number(status.slice(0, 3)));
      await expectFine(wire);
      expect(wire.text).toBe('');
    }
  });
});

describe('kept connections', () => {
  test('requests share one; a stale one is replaced for GET without the visitor noticing', async () => {
    const wire = await ask();
    await wire.answer();
    await expectFine(wire);
    expect(service.seen.map(({ connection }) => connection)).toEqual([
      service.last.connection,
      service.last.connection,
    ]);
    service.onRequest = (request, socket) => {
      if (request.connection !== service.seen[0]?.connection) return undefined;
      socket.destroy();
      return '';
    };
    wire.send(signedInRequest('GET /again'));
    expect(await wire.answer()).toMatchObject({ status: 200, body: 'ok' });
    expect(service.seen.filter(({ line }) => line.includes('/again'))).toHaveLength(2);
  });

  test('a POST on a stale one is not sent twice', async () => {
    const wire = await ask();
    await wire.answer();
    service.onRequest = (_request, socket) => (socket.destroy(), '');
    wire.send(signedInRequest('POST /pay', ['Content-Length: 1'], 'x'));
    expect((await wire.answer()).status).toBe(502);
    expect(service.seen.filter(({ line }) => line.includes('/pay'))).toHaveLength(1);
  });

  test('Connection: close and HTTP/1.0 end it', async () => {
    for (const head of ['HTTP/1.1 200 OK\r\nConnection: close', 'HTTP/1.0 200 OK']) {
      service.onRequest = () => `${head}\r\nContent-Length: 2\r\n\r\nok`;
      const wire = await ask();
      expect((await wire.answer()).body).toBe('ok');
      const before = service.last.connection;
      await expectFine(wire);
      expect(service.last.connection).not.toBe(before);
    }
  });

  test('an answer that ends with its connection is whole', async () => {
    service.onRequest = (_request, socket) => (socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'), '');
    const wire = await ask();
    expect((await wire.answer()).body).toBe('d\r\nuntil the end\r\n0\r\n\r\n');
  });
});

describe('a handshake that the service does not mean', () => {
  const UPGRADE = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  const ACCEPT = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

  test.each([
    ['another protocol', `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${ACCEPT}\r\n\r\n`],
    ['no Connection', `HTTP/1.1 101 X\r\nUpgrade: websocket\r\n${ACCEPT}\r\n\r\n`],
    ['no key', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    [
      'another key',
      'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
    ],
  ])('101 with %s is a 502, and no tunnel', async (_name, answer) => {
    service.onRequest = () => answer;
    const wire = await ask('GET /ws', UPGRADE);
    expect((await wire.answer()).status).toBe(502);
    await wire.ended();
    await waitFor('the service lost it', 2000, () => service.sockets[0]?.destroyed);
    expect(home.edge.counts().webSockets).toBe(0);
  });

  test('the right one is a tunnel, with the bytes that came along on both sides', async () => {
    service.onRequest = () =>
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${ACCEPT}\r\n\r\nfirst`;
    const wire = new Wire(await home.connectTls());
    wire.send(`${signedInRequest('GET /ws', UPGRADE)}early`);
    await waitFor('the first bytes', 2000, () => wire.text.endsWith('\r\n\r\nfirst'));
    let got = '';
    service.sockets[0]?.on('data', (chunk) => (got += chunk.toString()));
    wire.send('later');
    await waitFor('the later bytes', 2000, () => got.endsWith('later'));
    service.sockets[0]?.end();
    await wire.ended();
  });

  test('a refusal of the service reaches the visitor as it is', async () => {
    service.onRequest = () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno';
    const wire = await ask('GET /ws', UPGRADE);
    expect(await wire.answer()).toMatchObject({ status: 403, body: 'no' });
    await wire.ended();
  });
});

describe('passed faithfully', () => {
  test('100-continue: the visitor waits for the service', async () => {
    service.onHead = ({ head }) =>
      head.includes('100-continue') ? 'HTTP/1.1 100 Continue\r\n\r\n' : undefined;
    const wire = await ask('POST /', ['Expect: 100-continue', 'Content-Length: 3']);
    expect((await wire.answer()).status).toBe(100);
    wire.send('abc');
    expect((await wire.answer()).status).toBe(200);
    expect(service.last.body).toBe('abc');
  });

  test('a refusal instead of 100 comes at once', async () => {
    service.onHead = () => 'HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n';
    const wire = await ask('POST /', ['Expect: 100-continue', 'Content-Length: 3']);
    expect((await wire.answer()).status).toBe(413);
    await wire.ended();
  });

  test('103 and trailers, on both protocols', async () => {
    service.onRequest = () =>
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nSet-Cookie: no=1\r\n\r\n';
    const wire = await ask();
    expect(await wire.answer()).toMatchObject({
      status: 103,
      head: expect.stringContaining('Link: </a.css>'),
    });
    const answer = await wire.answer();
    expect(answer.head).toMatch(/^trailer: x-sum$/im);
    expect(answer.body).toBe('2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n');
    const session = await home.connectHttp2();
    const over2 = await requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
    expect(over2).toMatchObject({ status: 200, body: 'ok', trailers: { 'x-sum': '7' } });
    expect(over2.informational[0]).toMatchObject({ ':status': 103, link: '</a.css>; rel=preload' });
    expect(over2.trailers).not.toHaveProperty('set-cookie');
  });

  test('HEAD, 304 and Range keep their fields', async () => {
    service.onRequest = () => 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: "a"\r\n\r\n';
    const head = await (await ask('HEAD /')).answer(true);
    expect(head.head).toMatch(/^content-length: 1234$/im);
    service.onRequest = () => 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 1234\r\n\r\n';
    const wire = await ask('GET /', ['If-None-Match: "a"']);
    expect(await wire.answer()).toMatchObject({ status: 304, head: expect.stringContaining('ETag: "a"') });
    service.onRequest = () =>
      'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-3/9\r\nContent-Length: 2\r\n\r\ncd';
    wire.send(signedInRequest('GET /', ['Range: bytes=2-3']));
    expect(await wire.answer()).toMatchObject({
      status: 206,
      body: 'cd',
      head: expect.stringContaining('bytes 2-3/9'),
    });
    expect(service.last.fields.get('range')).toEqual(['bytes=2-3']);
    const session = await home.connectHttp2();
    service.onRequest = () => 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n';
    const over2 = await requestHttp2(session, {
      ':method': 'HEAD',
      ':authority': NAME,
      ':path': '/',
      cookie: SIGNED_IN_COOKIE,
    });
    expect(over2).toMatchObject({ status: 200, body: '', headers: { 'content-length': '1234' } });
  });

  test('HTTP/1.0 is answered without chunks', async () => {
    service.onRequest = () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n';
    const wire = new Wire(await home.connectTls());
    wire.send(signedInRequest('GET /').replace('HTTP/1.1', 'HTTP/1.0'));
    await wire.ended();
    expect(wire.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\nok$/);
  });
});

test('the access log names the request without query, field or body', async () => {
  const wire = await ask('POST /path?secret=canary1', ['X-A: canary2', 'Content-Length: 7'], 'canary3');
  await wire.answer();
  const line = home.log.lines.findLast(({ message }) => message === 'request');
  expect(line?.fields).toMatchObject({
    service: NAME,
    method: 'POST',
    path: '/path',
    status: 200,
    client: '203.0.113.7',
  });
  expect(JSON.stringify(home.log.lines)).not.toMatch(/canary|__Host-test/);
});
