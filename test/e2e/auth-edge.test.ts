import { writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type Agent, request } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunResult, runProcess } from '../../src/platform/processes.ts';
import { Wire } from '../support/edge-wire.ts';
import { LoginHome } from '../support/login-home.ts';
import { PASSWORD, codeOn } from '../support/login.ts';
import { waitFor } from '../support/wait-for.ts';

/** The real login behind the real edge: what the service sees, and what a live connection feels. */

const NAME = 'chat.localhost';
const PROGRAM = fileURLToPath(new URL('../../bin/postern.js', import.meta.url));
const UPGRADE =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

let home: LoginHome;
const sockets: TLSSocket[] = [];

beforeAll(async () => {
  home = await LoginHome.start();
});
beforeEach(() => home.service.reset());
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => home?.stop());

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function send(path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = request(
    {
      host: '127.0.0.1',
      port: home.port,
      servername: NAME,
      rejectUnauthorized: false,
      agent: false as unknown as Agent,
      path,
      method,
      headers: { host: `${NAME}:${home.port}`, ...headers },
    },
    (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text });
      });
    },
  );
  outgoing.once('error', reject);
  outgoing.end(body);
  return promise;
}

/** One browser: its cookies by name. */
class Jar extends Map<string, string> {
  get field(): string {
    return [...this].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  keep(answer: Answer): Answer {
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.delete(name);
      else this.set(name, value);
    }
    return answer;
  }
}

const origin = (): string => home.url(NAME).slice(0, -1);
const form = (user: string, password: string): string => new URLSearchParams({ user, password }).toString();

async function postForm(jar: Jar, user: string, password: string): Promise<Answer> {
  const headers = {
    accept: 'text/html',
    'content-type': 'application/x-www-form-urlencoded',
    origin: origin(),
    cookie: jar.field,
  };
  return jar.keep(await send('/.postern/sign-in', { method: 'POST', headers, body: form(user, password) }));
}

async function signIn(): Promise<Jar> {
  const jar = new Jar();
  const page = (): Promise<Answer> =>
    send('/.postern/sign-in', { headers: { accept: 'text/html', cookie: jar.field } });
  await home.approve(codeOn(jar.keep(await page()).body));
  jar.keep(await page());
  const answer = await postForm(jar, 'ann', PASSWORD);
  expect(answer.status).toBe(303);
  return jar;
}

function openWire(): Promise<Wire> {
  const { promise, resolve, reject } = Promise.withResolvers<Wire>();
  const options = { host: '127.0.0.1', port: home.port, servername: NAME, rejectUnauthorized: false };
  const socket = connectTls(options, () => resolve(new Wire(socket)));
  socket.once('error', reject);
  sockets.push(socket);
  return promise;
}

const handshake = (fields: readonly string[]): string =>
  [
    'GET /socket HTTP/1.1',
    `Host: ${NAME}:${home.port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...fields,
    '\r\n',
  ].join('\r\n');

/** A live WebSocket of somebody who is signed in. */
async function openSocket(jar: Jar): Promise<Wire> {
  home.service.onHead = (seen) => (seen.head.includes('websocket') ? UPGRADE : undefined);
  const wire = await openWire();
  wire.send(handshake([`Origin: ${origin()}`, `Cookie: ${jar.field}`]));
  expect((await wire.answer()).status).toBe(101);
  return wire;
}

function postern(...args: readonly string[]): Promise<RunResult> {
  return runProcess(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, POSTERN_HOME: home.folder },
  });
}

test('no cookie and no token of the edge reaches the service, and all of its own do', async () => {
  const jar = await signIn();
  const [device] = await home.keeper.admin.listDevices();
  const { token } = await home.keeper.admin.makeToken({ id: device?.id ?? '' });
  const secrets = [...jar.values(), token.slice(4)];
  const [, session = ''] = /__Host-gs=([^;]+)/.exec(jar.field) ?? [];
  const spellings = [
    `theirs=1; ${jar.field}; more="2"`,
    `${jar.field};theirs=1;more="2"; __host-gs=${session}; "__Host-gs"="${session}"; x, __Host-gs=${session}`,
  ];
  for (const cookie of spellings) {
    const answer = await send('/a', { headers: { cookie, authorization: 'Bearer of-the-service' } });
    expect(answer.status).toBe(200);
    expect(home.service.last.fields.get('authorization')).toEqual(['Bearer of-the-service']);
    expect(home.service.last.head).toContain('theirs=1');
    expect(home.service.last.head).toContain('more="2"');
  }
  await send('/b', { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: 'x' });
  expect(home.service.last.fields.has('authorization')).toBe(false);
  await openSocket(jar);
  expect(home.service.seen).toHaveLength(4);
  for (const { head } of home.service.seen) {
    for (const secret of secrets) expect(head).not.toContain(secret);
    expect(head.toLowerCase()).not.toContain('__host-');
  }
});

test('a service cannot set a cookie of the login', async () => {
  const jar = await signIn();
  home.service.onRequest = () =>
    'HTTP/1.1 200 OK\r\nSet-Cookie: __Host-gs=planted; Path=/; Secure\r\nSet-Cookie: theirs=1\r\nContent-Length: 0\r\n\r\n';
  const answer = await send('/', { headers: { cookie: jar.field } });
  expect(answer.headers['set-cookie']).toEqual(['theirs=1']);
});

describe('cross-site', () => {
  test.each(['https://evil.example', 'null', undefined])(
    'WebSocket from origin %s: 403, and the service sees nothing',
    async (from) => {
      const jar = await signIn();
      const wire = await openWire();
      wire.send(handshake([...(from === undefined ? [] : [`Origin: ${from}`]), `Cookie: ${jar.field}`]));
      expect((await wire.answer()).status).toBe(403);
      expect(home.service.seen).toEqual([]);
    },
  );

  test('POST, PUT and DELETE: 403, and the service sees nothing; with the own origin it does', async () => {
    const jar = await signIn();
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const headers = { cookie: jar.field, origin: 'https://evil.example' };
      expect((await send('/', { method, headers })).status).toBe(403);
    }
    expect(home.service.seen).toEqual([]);
    const own = { cookie: jar.field, origin: origin() };
    expect((await send('/', { method: 'POST', headers: own, body: 'x' })).status).toBe(200);
    expect(home.service.seen).toHaveLength(1);
  });
});

describe('a stranger', () => {
  test('reaches the service by no method and no spelling of the sign-in', async () => {
    const paths = [
      '/',
      '/.postern',
      '/.postern/',
      '/.postern/x',
      '/%2epostern/sign-in',
      '//.postern/sign-in',
      '/.postern/../',
    ];
    for (const path of paths) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE']) await send(path, { method });
    }
    const wire = await openWire();
    wire.send(handshake([`Origin: ${origin()}`]));
    expect((await wire.answer()).status).toBe(401);
    expect(home.service.seen).toEqual([]);
  });

  test('learns neither product nor version nor service from any answer but its address', async () => {
    for (const accept of ['text/html', '*/*']) {
      for (const path of ['/', '/.postern/sign-in', '/.postern/nothing', '/favicon.ico']) {
        const { headers, body } = await send(path, { headers: { accept } });
        delete headers.location;
        const told = JSON.stringify([headers, body.replaceAll('/.postern/', '/')]);
        expect(told).not.toMatch(/postern|openclaw|chat\.localhost|server":|powered|\bv\d/i);
      }
    }
  });

  test('cannot fetch a Service Worker below the sign-in', async () => {
    const headers = { 'service-worker': 'script', accept: '*/*' };
    expect((await send('/.postern/sw.js', { headers })).status).toBe(403);
  });
});

describe('revoked from another process, a live WebSocket closes within 1 s', () => {
  const ids = async (): Promise<{ session: string; device: string }> => {
    const [session] = await home.keeper.admin.listSessions();
    return { session: session?.id ?? '', device: session?.deviceId ?? '' };
  };

  test.each([
    ['postern sessions revoke ID', async () => ['sessions', 'revoke', (await ids()).session]],
    ['postern sessions revoke --all', async () => ['sessions', 'revoke', '--all']],
    ['postern devices revoke ID', async () => ['devices', 'revoke', (await ids()).device]],
  ])('%s', async (_name, argumentsOf) => {
    await home.keeper.admin.revokeAllSessions();
    const jar = await signIn();
    const wire = await openSocket(jar);
    const args = await argumentsOf();
    expect(wire.isEnded).toBe(false);
    expect(await postern(...args)).toMatchObject({ status: 0, stdout: '' });
    await wire.ended(1000);
    expect((await send('/', { headers: { cookie: jar.field } })).status).toBe(401);
  });
});

test('curl signs in with a cookie jar: code, approval, password on standard input', async () => {
  const jar = join(home.folder, 'jar');
  const url = `${origin()}/.postern/sign-in`;
  const curl = (...args: readonly string[]): string[] => [
    '-sk',
    '--resolve',
    `${NAME}:${home.port}:127.0.0.1`,
    '-b',
    jar,
    '-c',
    jar,
    ...args,
  ];
  await writeFile(jar, '');
  const first = await runProcess('curl', curl(url));
  await home.approve(codeOn(first.stdout));
  expect((await runProcess('curl', curl(url))).stdout).toContain('approved');
  const fields = ['-H', `Origin: ${origin()}`, '-d', 'user=ann', '--data-urlencode', 'password@-'];
  expect((await runProcess('curl', curl(...fields, url), { input: PASSWORD })).stdout).toBe('Signed in.\n');
  expect((await runProcess('curl', curl(`${origin()}/`))).stdout).toBe('ok');
});

test('secrets in logs: no password, cookie, token, code or typed name is in any line', async () => {
  const jar = await signIn();
  await postForm(jar, 'canary-typed-name', 'canary-typed-password');
  await send('/?canary-query=1', { headers: { cookie: jar.field } });
  const token = `pst_${'canary'.padEnd(43, 'A')}`;
  expect((await send('/', { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
  await waitFor('a line of the failed sign-in', 2000, () =>
    home.log.lines.some(({ message }) => message === 'a sign-in failed'),
  );
  const text = JSON.stringify(home.log.lines);
  for (const secret of [PASSWORD, ...jar.values(), 'canary']) expect(text).not.toContain(secret);
});

test('over HTTP/2 the sign-in page comes, and a session in cookie crumbs counts (RFC 9113 §8.2.3)', async () => {
  const jar = await signIn();
  const client = connectHttp2(`https://127.0.0.1:${home.port}`, {
    servername: NAME,
    rejectUnauthorized: false,
  });
  const ask = (path: string, cookie: string[]): Promise<number> => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const stream = client.request({
      ':path': path,
      ':authority': `${NAME}:${home.port}`,
      accept: 'text/html',
      cookie,
    });
    stream.once('response', (headers) => resolve(Number(headers[':status'])));
    stream.once('error', reject);
    stream.resume();
    return promise;
  };
  expect(await ask('/.postern/sign-in', [])).toBe(200);
  expect(await ask('/', ['theirs=1'])).toBe(303);
  expect(await ask('/', ['theirs=1', ...[...jar].map(([name, value]) => `${name}=${value}`)])).toBe(200);
  expect(home.service.last.fields.get('cookie')).toEqual(['theirs=1']);
  client.destroy();
});
