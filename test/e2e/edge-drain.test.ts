import { afterEach, beforeEach, expect, test } from 'vitest';
import { SIGNED_IN_COOKIE } from '../support/edge-gatekeeper.ts';
import { requestHttp2 } from '../support/edge-http2.ts';
import { NAME, TestEdge } from '../support/edge-home.ts';
import { RawService } from '../support/edge-service.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { waitFor } from '../support/wait-for.ts';

let service: RawService;
let home: TestEdge;
let clock: FakeClock;

beforeEach(async () => {
  service = await RawService.start();
  clock = new FakeClock();
  home = await TestEdge.start({ target: service.target, clock });
});
afterEach(async () => {
  await home.stop();
  await service.stop();
});

const BEGIN = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin';

test('drain: running requests end in order, idle connections close after a moment, nobody new comes in', async () => {
  const idle = new Wire(await home.connectTls());
  idle.send(signedInRequest('GET /'));
  expect((await idle.answer()).status).toBe(200);
  service.onRequest = () => BEGIN;
  const running = new Wire(await home.connectTls());
  running.send(signedInRequest('GET /'));
  const session = await home.connectHttp2();
  const over2 = requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
  await waitFor('both run', 2000, () => service.seen.length === 3 && running.text.includes('begin'));
  let isDrained = false;
  const drained = home.edge.drain().then(() => (isDrained = true));
  await waitFor('GOAWAY', 2000, () => session.closed);
  await expect(home.connectTls()).rejects.toThrow(
    /closed before TLS|ECONNRESET|ENOENT|ECONNREFUSED|EPIPE|socket|SSL|alert|version/i,
  );
  expect(isDrained).toBe(false);
  clock.advance(4500);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(idle.isEnded).toBe(false);
  clock.advance(800);
  await idle.ended();
  for (const socket of service.sockets) socket.write('-ends');
  expect((await running.answer()).body).toBe('begin-ends');
  expect(await over2).toMatchObject({ status: 200, body: 'begin-ends', resetCode: 0 });
  clock.advance(5200);
  await running.ended();
  await drained;
});

test('drain: a request that is answered meanwhile says Connection: close', async () => {
  service.onRequest = () => '';
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /'));
  await waitFor('it runs', 2000, () => service.seen.length === 1);
  const drained = home.edge.drain();
  await new Promise((resolve) => setImmediate(resolve));
  service.sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  const answer = await wire.answer();
  expect(answer.body).toBe('ok');
  expect(answer.head).toMatch(/^connection: close$/im);
  await drained;
});

test('drain: a request that was under way on an idle connection is answered, and the answer says that it is the last', async () => {
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /'));
  expect((await wire.answer()).head).not.toMatch(/^connection: close$/im);
  const drained = home.edge.drain();
  await new Promise((resolve) => setTimeout(resolve, 50));
  wire.send(signedInRequest('GET /again'));
  const answer = await wire.answer();
  expect(answer.status).toBe(200);
  expect(answer.head).toMatch(/^connection: close$/im);
  await wire.ended();
  await drained;
});

test('drain: an answer that had promised to keep the connection is followed by one more', async () => {
  service.onRequest = ({ line }) =>
    line.startsWith('GET / ') ? BEGIN : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /'));
  await waitFor('it runs', 2000, () => wire.text.includes('begin'));
  const drained = home.edge.drain();
  await new Promise((resolve) => setImmediate(resolve));
  service.sockets[0]?.write('-ends');
  expect((await wire.answer()).head).not.toMatch(/^connection: close$/im);
  wire.send(signedInRequest('GET /again'));
  const answer = await wire.answer();
  expect(answer.body).toBe('ok');
  expect(answer.head).toMatch(/^connection: close$/im);
  await drained;
});

test('drain: a stream that was under way at the end of HTTP/2 is refused in words that let the visitor ask again', async () => {
  const session = await home.connectHttp2();
  const lastStreams: number[] = [];
  session.on('goaway', (_code, lastStream) => lastStreams.push(lastStream));
  const head = { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE };
  const first = requestHttp2(session, head);
  expect(await first).toMatchObject({ status: 200 });
  const drained = home.edge.drain();
  // Neither side knows yet what the other one sends.
  const underWay = requestHttp2(session, head);
  await expect(underWay).rejects.toThrow(/NGHTTP2_REFUSED_STREAM/);
  expect(lastStreams).toEqual([1]);
  expect(service.seen).toHaveLength(1);
  clock.advance(1400);
  await drained;
});

test('drain: what has not ended after drainMs is ended', async () => {
  service.onRequest = () => BEGIN;
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /'));
  await waitFor('it runs', 2000, () => wire.text.includes('begin'));
  let isDrained = false;
  const drained = home.edge.drain().then(() => (isDrained = true));
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(29_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(isDrained).toBe(false);
  clock.advance(1001);
  await drained;
  await wire.ended();
  await waitFor('the service lost it', 2000, () => service.sockets[0]?.destroyed);
});

test('close ends everything at once, leaves nothing open and can be repeated', async () => {
  service.onRequest = () => BEGIN;
  const wires = [
    new Wire(home.connectRaw()),
    new Wire(await home.connectTls()),
    new Wire(await home.connectTls()),
  ];
  wires[2]?.send(signedInRequest('GET /'));
  await waitFor('it runs', 2000, () => wires[2]?.text.includes('begin'));
  await home.edge.close();
  for (const wire of wires) await wire.ended();
  await waitFor('nothing is counted', 2000, () => home.edge.counts().connections === 0);
  await home.edge.close();
});

test('a door that is closed lets nobody in, its connections stay', async () => {
  const wire = new Wire(await home.connectTls());
  await home.door.close();
  await expect(home.connectTls()).rejects.toThrow(
    /closed before TLS|ECONNRESET|ENOENT|ECONNREFUSED|EPIPE|socket|SSL|alert|version/i,
  );
  wire.send(signedInRequest('GET /'));
  expect((await wire.answer()).status).toBe(200);
});
