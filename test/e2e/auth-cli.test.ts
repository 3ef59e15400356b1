import { chmod, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunResult, runProcess, spawnProcess } from '../../src/platform/processes.ts';
import { LoginHome } from '../support/login-home.ts';
import { PASSWORD } from '../support/login.ts';
import { waitFor } from '../support/wait-for.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';

/** `postern users`, `devices` and `sessions` as they are typed, with no daemon running. */

const PROGRAM = fileURLToPath(new URL('../../bin/postern.js', import.meta.url));

let home: LoginHome;
let empty: string;

beforeAll(async () => {
  home = await LoginHome.start();
  empty = makeTestFolder('pc-');
});
afterAll(async () => {
  await home?.stop();
  await rm(empty, { recursive: true, force: true });
});

function postern(folder: string, args: readonly string[], input = ''): Promise<RunResult> {
  return runProcess(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, POSTERN_HOME: folder },
    input,
  });
}

/** A new browser's code, as its page shows it. */
async function askForCode(): Promise<string> {
  const url = home.url('chat.localhost', '/.postern/sign-in');
  const resolve = `chat.localhost:${home.port}:127.0.0.1`;
  const { stdout } = await runProcess('curl', ['-sk', '--resolve', resolve, '-H', 'Accept: text/html', url]);
  return /<dd id="code">([^<]+)/.exec(stdout)?.[1] ?? '';
}

describe('users', () => {
  test('a made password is the only word on standard output, and it is kept nowhere else', async () => {
    const added = await postern(empty, ['users', 'add', 'Ann', '--password-stdin'], '\n');
    expect(added).toMatchObject({ status: 0, stdout: expect.stringMatching(/^[a-z]+(-[a-z]+){3}\n$/) });
    const listed = await postern(empty, ['users', 'list', '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject({ users: [{ name: 'ann', sessions: 0 }] });
  });

  test('the state is for its owner alone', async () => {
    await postern(empty, ['users', 'list']);
    expect((await stat(empty)).mode & 0o077).toBe(0);
  });

  test.each([
    [['users', 'add', 'bob', '--password-stdin'], 'short\n', 64, 'AUTH_PASSWORD_SHORT'],
    [['users', 'add', 'bob'], PASSWORD, 64, 'AUTH_PASSWORD_NOT_ASKED'],
    [['users', 'add', 'bob', PASSWORD], '', 64, ''],
    [['users', 'add', '../bob', '--password-stdin'], '\n', 64, 'AUTH_USER_NAME'],
    [['users', 'remove', 'nobody'], '', 1, 'AUTH_USER_UNKNOWN'],
    [['sessions', 'revoke'], '', 64, 'CLI_USAGE'],
    [['sessions', 'revoke', 'x', '--all'], '', 64, 'CLI_USAGE'],
    [['sessions', 'revoke', 'x'], '', 1, 'AUTH_SESSION_UNKNOWN'],
    [['devices', 'approve', 'AAAA-AAAA', '--yes'], '', 1, 'AUTH_CODE_UNKNOWN'],
    [['devices', 'approve', '\u001b[2J', '--yes'], '', 1, 'AUTH_CODE_UNKNOWN'],
  ])('%j is refused', async (args, input, status, code) => {
    const result = await postern(empty, args, input);
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toContain(code);
    expect(result.stderr).not.toContain('\u001b[2J');
  });

  test('on a terminal the password is asked twice and never shown', async () => {
    const command = `stty cols 100; '${process.execPath}' '${PROGRAM}' users add carl`;
    const child = spawnProcess('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, POSTERN_HOME: empty, TERM: 'xterm' },
    });
    let shown = '';
    child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString('utf8')));
    await waitFor('the first question', 10_000, () => shown.includes('four random words'));
    child.stdin.write(`${PASSWORD}\r`);
    await waitFor('the second question', 10_000, () => shown.includes('Once more'));
    child.stdin.write(`${PASSWORD}\r`);
    await waitFor('the end', 10_000, () => shown.includes('may sign in'));
    child.stdin.end();
    expect((await child.ended).status).toBe(0);
    expect(shown).not.toContain(PASSWORD.slice(0, 4));
  });
});

describe('devices', () => {
  test('approve shows address, browser, time and check number, and without a yes approves nothing', async () => {
    const code = await askForCode();
    const refused = await postern(home.folder, ['devices', 'approve', code]);
    expect(refused).toMatchObject({ status: 77, stdout: '' });
    const [request] = await home.keeper.admin.listRequests();
    const comparison = `${request?.comparison.slice(0, 3)} ${request?.comparison.slice(3)}`;
    for (const fact of [comparison, '203.0.113.7', 'curl', 'chat.localhost', 'ago']) {
      expect(refused.stderr).toContain(fact);
    }
    expect(await home.keeper.admin.listDevices()).toEqual([]);
    const approved = await postern(home.folder, [
      'devices',
      'approve',
      code.toLowerCase(),
      '--yes',
      '--json',
    ]);
    expect(approved.status).toBe(0);
    const { device } = JSON.parse(approved.stdout) as { device: { id: string } };
    expect(await home.keeper.admin.listDevices()).toMatchObject([{ id: device.id }]);
  });

  test('reject, rename, token and revoke', async () => {
    const code = await askForCode();
    expect(await postern(home.folder, ['devices', 'list'])).toMatchObject({
      stdout: expect.stringContaining(code),
    });
    expect((await postern(home.folder, ['devices', 'reject', code])).status).toBe(0);
    expect(await home.keeper.admin.listRequests()).toEqual([]);
    const [device] = await home.keeper.admin.listDevices();
    const id = device?.id ?? '';
    await postern(home.folder, ['devices', 'rename', id, 'kitchen tablet']);
    const token = await postern(home.folder, ['devices', 'token', id]);
    expect(token.stdout).toMatch(/^pst_[\w-]{43}\n$/);
    expect((await postern(home.folder, ['devices', 'list'])).stdout).toContain('kitchen tablet');
    const revoked = await postern(home.folder, ['devices', 'revoke', id]);
    expect(revoked).toMatchObject({ status: 0, stdout: '' });
    expect(revoked.stderr).toContain('1 tokens are void');
    expect(revoked.stderr).toContain('openclaw devices revoke');
    expect(await home.keeper.admin.listDevices()).toEqual([]);
  });
});

test('a state that cannot be written is one clear error', async () => {
  const folder = makeTestFolder('pc-');
  await postern(folder, ['users', 'list']);
  const path = join(folder, 'state.db');
  await rm(path);
  await chmod(folder, 0o700);
  await runProcess('mkdir', [path]);
  const result = await postern(folder, ['users', 'list']);
  expect(result.status).not.toBe(0);
  expect(result.stderr.split('\n').length).toBeLessThan(6);
  await rm(folder, { recursive: true });
});
