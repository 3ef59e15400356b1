import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RawService } from '../support/edge-service.ts';
import { NAME, TestEdge, VISITOR } from '../support/edge-home.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';
import { requestHttp2 } from '../support/edge-http2.ts';

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

test('a request over HTTP/1.1 reaches the service with the fields of the edge', async () => {
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /a?b=c', ['Accept: text/html', 'Cookie2: x']));
  const answer = await wire.answer();
  expect(answer.status).toBe(200);
  expect(answer.body).toBe('ok');
  expect(answer.head).toMatch(/strict-transport-security: max-age=31536000/i);
  expect(service.seen).toHaveLength(1);
  expect(service.last.line).toBe('GET /a?b=c HTTP/1.1');
  expect(Object.fromEntries(service.last.fields)).toEqual({
    host: ['chat.localhost'],
    accept: ['text/html'],
    cookie2: ['x'],
    'x-forwarded-for': [VISITOR],
    'x-forwarded-proto': ['https'],
    'x-forwarded-host': ['chat.localhost'],
  });
  await home.door.passed;
});

test('a stranger gets the gate, and the service sees nothing', async () => {
  const wire = new Wire(await home.connectTls());
  wire.send('GET / HTTP/1.1\r\nHost: chat.localhost\r\n\r\n');
  expect(await wire.answer()).toMatchObject({ status: 200, body: 'sign in' });
  expect(service.seen).toEqual([]);
});

test('a request over HTTP/2 reaches the service as one of HTTP/1.1', async () => {
  const session = await home.connectHttp2();
  const answer = await requestHttp2(session, {
    ':authority': NAME,
    ':path': '/x',
    cookie: ['__Host-test=s1', 'a=b'],
  });
  expect(answer).toMatchObject({ status: 200, body: 'ok' });
  expect(service.last.line).toBe('GET /x HTTP/1.1');
  expect(service.last.fields.get('cookie')).toEqual(['a=b']);
  expect(service.last.fields.get('host')).toEqual(['chat.localhost']);
});
