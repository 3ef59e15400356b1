import { readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProcess } from './processes.ts';
import { whyUnreachable } from './reach.ts';
import { requestOverTls } from './tls-request.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let folder = '';
let server: Server;
let silent: TcpServer;
let seen: string[] = [];
const portOf = (one: { address(): AddressInfo | string | null }): number =>
  (one.address() as AddressInfo).port;

beforeAll(async () => {
  folder = makeTestFolder('postern-tls-');
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  const request =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x'.split(' ');
  await runProcess('openssl', [...request, '-keyout', key, '-out', cert]);
  server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (incoming, response) => {
    seen.push(`${incoming.headers.host} ${incoming.url}`);
    if (incoming.url === '/endless') {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 1);
      response.on('close', () => clearInterval(timer));
    } else if (incoming.url !== '/never') response.end('hello');
  }).listen(0, '127.0.0.1');
  silent = createTcpServer().listen(0, '127.0.0.1');
  await Promise.all([server, silent].map((one) => new Promise((resolve) => one.once('listening', resolve))));
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  silent.close();
  await rm(folder, { recursive: true, force: true });
});

const ask = (path: string, more: object = {}) =>
  requestOverTls({
    host: '127.0.0.1',
    port: portOf(server),
    serverName: 'a.example.com',
    path,
    timeoutMs: 2000,
    judgeCertificate: () => undefined,
    ...more,
  });

test('the answer comes with its status and time; the name is asked for, not looked up', async () => {
  seen = [];
  expect(await ask('/x')).toMatchObject({ ok: true, status: 200, body: 'hello', tookMs: expect.any(Number) });
  expect(seen).toEqual([`a.example.com:${portOf(server)} /x`]);
});

test('a refused certificate gets no request', async () => {
  seen = [];
  expect(await ask('/x', { judgeCertificate: () => 'not ours' })).toEqual({
    ok: false,
    failure: 'certificate',
    reason: 'not ours',
  });
  expect(await ask('/x', { judgeCertificate: undefined })).toMatchObject({
    ok: false,
    failure: 'certificate',
  });
  expect(seen).toEqual([]);
});

test('nobody there, silence, an endless answer and an abort are told apart and never hang', async () => {
  const closed = createTcpServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => closed.once('listening', resolve));
  const port = portOf(closed);
  await new Promise((resolve) => closed.close(resolve));
  expect(await ask('/x', { port })).toEqual({ ok: false, failure: 'unreachable', reason: 'ECONNREFUSED' });
  expect(await ask('/x', { port: portOf(silent), timeoutMs: 100 })).toMatchObject({
    failure: 'unreachable',
    reason: 'no answer in time',
  });
  expect(await ask('/never', { timeoutMs: 300 })).toMatchObject({
    failure: 'no-answer',
    reason: 'no answer in time',
  });
  expect(await ask('/endless')).toMatchObject({ failure: 'no-answer', reason: 'the answer is too long' });
  expect(await ask('/x', { signal: AbortSignal.abort(new Error('stopped')) })).toMatchObject({ ok: false });
  expect(await whyUnreachable({ host: '127.0.0.1', port }, 1000)).toBe('ECONNREFUSED');
  expect(await whyUnreachable({ host: '127.0.0.1', port: portOf(silent) }, 1000)).toBeUndefined();
  expect(await whyUnreachable({ path: join(folder, 'no.sock') }, 1000)).toBe('ENOENT');
});
