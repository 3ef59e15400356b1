import { readFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from '../../test/support/namespace.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';
import { requestHttps } from './https-request.ts';
import { runProcess } from './processes.ts';

let server: Server;
let ca = '';
let base = '';

beforeAll(async () => {
  const folder = makeTestFolder('hr-');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'.split(' ');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  await must(runProcess('openssl', [...request, ...subject, '-keyout', key, '-out', cert]));
  ca = await readFile(cert, 'utf8');
  server = createServer({ cert: ca, key: await readFile(key) }, (incoming, response) => {
    if (incoming.url === '/silent') return;
    if (incoming.url === '/long') return void response.end('x'.repeat(300_000));
    if (incoming.url === '/cut')
      return void response.writeHead(200, { 'content-length': 9 }).end('x', () => incoming.destroy());
    response.setHeader('seen', `${incoming.method} ${incoming.headers['user-agent']}`);
    incoming.pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `https://localhost:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const ask = (path: string, timeoutMs = 5000) =>
  requestHttps({
    method: 'POST',
    url: `${base}${path}`,
    headers: { 'user-agent': 'x' },
    body: 'hello',
    timeoutMs,
    ca,
  });

test('head and body go there and come back', async () => {
  expect(await ask('/')).toMatchObject({ ok: true, status: 200, body: 'hello', headers: { seen: 'POST x' } });
});

test('a server that no known authority vouches for is refused, and plain HTTP is not tried', async () => {
  const untrusted = await requestHttps({ method: 'GET', url: base, timeoutMs: 5000 });
  expect(untrusted).toEqual({ ok: false, reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  const byAddress = await requestHttps({
    method: 'GET',
    url: base.replace('localhost', '127.0.0.1'),
    timeoutMs: 5000,
    ca,
  });
  expect(byAddress).toEqual({ ok: false, reason: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  for (const url of ['http://localhost/', 'file:///etc/passwd', 'nonsense']) {
    expect(await requestHttps({ method: 'GET', url, timeoutMs: 5000 })).toMatchObject({ ok: false });
  }
});

test.each([
  ['/silent', 'no answer in time', 200],
  ['/long', 'the answer is too long', 5000],
  ['/cut', 'ECONNRESET', 5000],
])('%s ends with a word, in time', async (path, reason, timeoutMs) => {
  expect(await ask(path, timeoutMs)).toEqual({ ok: false, reason });
});

test('who is told to stop stops', async () => {
  const stopping = new AbortController();
  const asking = requestHttps({
    method: 'GET',
    url: `${base}/silent`,
    timeoutMs: 60_000,
    ca,
    signal: stopping.signal,
  });
  stopping.abort(new Error('the end'));
  expect(await asking).toMatchObject({ ok: false });
});
