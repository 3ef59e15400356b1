import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PosternError } from '../../core/errors/index.ts';
import { silentLog } from '../../core/log.ts';
import { type LocalHttpServer, serveLocalHttp } from '../../platform/control-transport.ts';
import { homeFolder } from '../../platform/home-folder.ts';
import type { DaemonStatus } from '../contract.ts';
import {
  type Announcement,
  makeAnnouncement,
  readAnnouncement,
  withdrawAnnouncement,
  writeAnnouncement,
} from './announcement.ts';
import { makeControlListener } from './api.ts';
import { connectToDaemon } from './client.ts';
import { CONTROL_HOST } from './names.ts';
import { makeTestFolder } from '../../../test/support/temporary-folder.ts';

let root = '';
let announcement: Announcement;
let server: LocalHttpServer;
let calls: string[] = [];

const STATUS = { pid: 1, state: 'running' } as unknown as DaemonStatus;

beforeEach(async () => {
  root = makeTestFolder('pc-');
  await mkdir(join(root, 'run'), { mode: 0o700 });
  calls = [];
  announcement = await makeAnnouncement(folder());
  const controlled = {
    status: () => STATUS,
    stop: (isAtOnce: boolean) => void calls.push(`stop ${isAtOnce}`),
    beginHandOver: () => void calls.push('begin'),
    cancelHandOver: () => void calls.push('cancel'),
    shutService: (name: string, answer: string) => {
      calls.push(`shut ${name} ${answer}`);
      return name === 'a.example';
    },
    lookAtService: async (name: string) => {
      calls.push(`look ${name}`);
      return { kind: 'open' as const };
    },
    admin: async (method: string, input: unknown) => {
      calls.push(`${method} ${JSON.stringify(input)}`);
      if (method === 'fail') throw new PosternError('AUTH_NO_USER');
      if (method === 'break') throw new TypeError('inside');
      return { method };
    },
    certificates: () => [],
    renewCertificates: async (name: string | undefined, isRehearsal: boolean) =>
      void calls.push(`renew ${name} ${isRehearsal}`),
  };
  server = await serveLocalHttp(
    announcement.address,
    makeControlListener(controlled, announcement.token, silentLog),
  );
  await writeAnnouncement(folder(), announcement);
});
afterEach(async () => {
  await server.close();
  await rm(root, { recursive: true, force: true });
});

const folder = () => homeFolder({ POSTERN_HOME: root });

/** A raw request, with exactly these headers. */
function ask(path: string, headers: Record<string, string>, method = 'POST', body = '{"isAtOnce":true}') {
  return new Promise<{ status: number; text: string; headers: object }>((resolve, reject) => {
    const outgoing = request(
      { socketPath: announcement.address, path, method, headers, setHost: false },
      (incoming) => {
        let text = '';
        incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, text, headers: incoming.headers }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(method === 'POST' ? body : undefined);
  });
}

const right = (): Record<string, string> => ({
  host: CONTROL_HOST,
  authorization: `Bearer ${announcement.token}`,
  'content-type': 'application/json',
});

test('the socket and the announcement are for this user alone', async () => {
  expect((await stat(announcement.address)).mode & 0o777).toBe(0o600);
  expect((await stat(join(root, 'run/control.json'))).mode & 0o777).toBe(0o600);
});

test('the client gets status, and its calls arrive', async () => {
  const client = await connectToDaemon(folder());
  expect(await client.status()).toEqual(STATUS);
  await client.stop(false);
  await client.beginHandOver();
  await client.cancelHandOver();
  expect(await client.call('POST', '/v1/auth/listUsers', {})).toEqual({ result: { method: 'listUsers' } });
  expect(calls).toEqual(['stop false', 'begin', 'cancel', 'listUsers {}']);
});

test("the daemon's error reaches the caller with code and exit status; an unexpected one is INTERNAL", async () => {
  const client = await connectToDaemon(folder());
  await expect(client.call('POST', '/v1/auth/fail', {})).rejects.toMatchObject({
    code: 'AUTH_NO_USER',
    exit: 77,
  });
  await expect(client.call('POST', '/v1/auth/break', {})).rejects.toMatchObject({ code: 'INTERNAL' });
  await expect(client.call('GET', '/v1/nothing')).rejects.toMatchObject({ code: 'DAEMON_REFUSED' });
});

describe('what is refused has no effect', () => {
  test.each([
    ['DNS rebinding: the Host of a page', { host: 'evil.example' }],
    ['DNS rebinding: localhost', { host: 'localhost' }],
    ['DNS rebinding: our name with a port', { host: `${CONTROL_HOST}:80` }],
    ['a foreign Origin', { origin: 'https://evil.example' }],
    ['an Origin of our own name', { origin: `http://${CONTROL_HOST}` }],
    ['Origin: null', { origin: 'null' }],
    ['a request that a browser made without an Origin', { 'sec-fetch-site': 'none' }],
    ['no token', { authorization: '' }],
    ['another token', { authorization: 'Bearer x' }],
    ['the token by another scheme', { authorization: 'Basic x' }],
  ])('%s', async (_, wrong) => {
    const { status, text } = await ask('/v1/stop', { ...right(), ...wrong } as Record<string, string>);
    expect(status).toBe(403);
    expect(text).not.toContain(announcement.token);
    expect(calls).toEqual([]);
  });

  test.each([
    [
      'a form, which a page can send without asking',
      { 'content-type': 'application/x-www-form-urlencoded' },
      '{"isAtOnce":true}',
    ],
    ['text/plain', { 'content-type': 'text/plain' }, '{"isAtOnce":true}'],
    ['no JSON', {}, 'isAtOnce'],
    ['an unknown key', {}, '{"isAtOnce":true,"x":1}'],
    ['a body of 1 MiB', {}, `{"isAtOnce":${' '.repeat(1024 * 1024)}true}`],
  ])('%s', async (_, headers, body) => {
    const answer = await ask('/v1/stop', { ...right(), ...headers }, 'POST', body).catch(() => ({
      status: 413,
    }));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(calls).toEqual([]);
  });

  test('no answer lets a page read it', async () => {
    const { headers } = await ask('/v1/status', right(), 'GET');
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await ask('/v1/stop', { ...right(), origin: 'https://evil.example' }, 'OPTIONS')).status).toBe(
      403,
    );
  });

  test('raw nonsense on the socket ends that connection and nothing else', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(announcement.address, () => socket.write('\0\0GET nonsense\r\n\r\n'));
      socket.on('close', () => resolve());
      socket.on('error', () => {});
      socket.resume();
    });
    expect((await ask('/v1/status', right(), 'GET')).status).toBe(200);
  });
});

test('a dead daemon is not running; a file that others could have written is not believed', async () => {
  await server.close();
  const client = await connectToDaemon(folder());
  await expect(client.status()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING' });
  await writeFile(join(root, 'run/control.json'), JSON.stringify(announcement), { mode: 0o666 });
  await rm(join(root, 'run/control.json'));
  await writeFile(join(root, 'run/control.json'), JSON.stringify(announcement), { mode: 0o644 });
  expect(await readAnnouncement(folder())).toBeUndefined();
  await rm(join(root, 'run/control.json'));
  await writeFile(join(root, 'run/control.json'), '{', { mode: 0o600 });
  expect(await readAnnouncement(folder())).toBeUndefined();
  await expect(connectToDaemon(folder())).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING' });
});

test("a daemon withdraws its own announcement, never its successor's", async () => {
  const successor = { ...announcement, token: 'x'.repeat(43) };
  await writeAnnouncement(folder(), successor);
  await withdrawAnnouncement(folder(), announcement);
  expect(await readAnnouncement(folder())).toEqual(successor);
  await withdrawAnnouncement(folder(), successor);
  expect(await readAnnouncement(folder())).toBeUndefined();
});

test('a folder too deep for a unix socket is one clear error', async () => {
  const deep = homeFolder({ POSTERN_HOME: join(root, 'x'.repeat(100)) });
  await expect(makeAnnouncement(deep)).rejects.toMatchObject({ code: 'DAEMON_PATH_TOO_LONG' });
});
