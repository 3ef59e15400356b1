import { afterAll, beforeAll, expect, test } from 'vitest';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../../src/core/log.ts';
import type { DaemonStatus } from '../../src/daemon/contract.ts';
import { makeAnnouncement, writeAnnouncement } from '../../src/daemon/control/announcement.ts';
import { makeControlListener } from '../../src/daemon/control/api.ts';
import { callAdmin } from '../../src/edge/auth/admin-channel.ts';
import { type LocalHttpServer, serveLocalHttp } from '../../src/platform/control-transport.ts';
import { homeFolder, makeHomeFolder } from '../../src/platform/home-folder.ts';
import { type RunResult, runProcess } from '../../src/platform/processes.ts';
import { PASSWORD, type TestLogin, TestVisitor, makeLogin, signIn } from '../support/login.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';

/** The command line asks the daemon where one runs: here its state is in memory, so nobody else could answer. */

const PROGRAM = fileURLToPath(new URL('../../bin/postern.js', import.meta.url));

let root: string;
let login: TestLogin;
let control: LocalHttpServer;

beforeAll(async () => {
  root = makeTestFolder('pd-');
  login = await makeLogin();
  const folder = homeFolder({ POSTERN_HOME: root });
  await makeHomeFolder(folder);
  const announcement = await makeAnnouncement(folder);
  const controlled = {
    status: () => ({}) as DaemonStatus,
    stop: () => {},
    beginHandOver: () => {},
    cancelHandOver: () => {},
    admin: (method: string, input: unknown) => callAdmin(login.keeper.admin, method, input),
    shutService: () => false,
    lookAtService: () => Promise.resolve({ kind: 'open' as const }),
    certificates: () => [],
    renewCertificates: () => Promise.resolve(),
  };
  const listener = makeControlListener(controlled, announcement.token, silentLog);
  control = await serveLocalHttp(announcement.address, listener);
  await writeAnnouncement(folder, announcement);
});
afterAll(async () => {
  await control?.close();
  await rm(root, { recursive: true, force: true });
});

function postern(args: readonly string[], input = ''): Promise<RunResult> {
  return runProcess(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, POSTERN_HOME: root },
    input,
  });
}

test('users, sessions and devices of the running daemon are listed and changed through its socket', async () => {
  await signIn(login, new TestVisitor(login));
  await postern(['users', 'add', 'bob', '--password-stdin'], `${PASSWORD}\n`);
  const { users } = JSON.parse((await postern(['users', 'list', '--json'])).stdout) as {
    users: { name: string }[];
  };
  expect(users.map(({ name }) => name)).toEqual(['ann', 'bob']);
  expect((await postern(['devices', 'list'])).stdout).toContain('Safari on iPhone');
  expect((await postern(['sessions', 'revoke', '--all'])).stderr).toContain('1 sessions have ended');
  expect(await login.keeper.admin.listSessions()).toEqual([]);
});

test('an error of the daemon keeps its code, its words and its status', async () => {
  const { status, stderr } = await postern(['users', 'remove', 'nobody']);
  expect(status).toBe(1);
  expect(stderr).toContain('There is no user nobody');
  expect(stderr).toContain('AUTH_USER_UNKNOWN');
});

test('a daemon that is gone is no obstacle: the state on disk is used', async () => {
  await control.close();
  const { status, stdout } = await postern(['users', 'list', '--json']);
  expect({ status, stdout }).toEqual({ status: 0, stdout: '{"users":[]}\n' });
});
