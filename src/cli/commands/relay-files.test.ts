import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunResult, runProcess } from '../../platform/processes.ts';
import { makeTestFolder } from '../../../test/support/temporary-folder.ts';

let home: string;
beforeEach(async () => {
  home = makeTestFolder('postern-relay-files-');
  await configure('');
});
afterEach(() => rm(home, { recursive: true, force: true }));

const configure = (relay: string): Promise<void> =>
  writeFile(
    join(home, 'postern.yaml'),
    `home: mac\nrelay: { host: 203.0.113.5${relay} }\nservices:\n  - { name: chat.example.com, to: "http://127.0.0.1:1" }\n`,
    { mode: 0o600 },
  );

const postern = (...args: string[]): Promise<RunResult> =>
  runProcess(
    process.execPath,
    [join(import.meta.dirname, '../../../bin/postern.js'), 'relay-files', ...args],
    { env: { ...process.env, POSTERN_HOME: home } },
  );

test('it shows every file with owner and mode, makes the key once and says so', async () => {
  const first = await postern();
  expect(first.stderr).toContain(`Made Postern's own ssh key: ${join(home, 'ssh/id_ed25519')}`);
  expect(first.status).toBe(0);
  const publicKey = (await readFile(join(home, 'ssh/id_ed25519.pub'), 'utf8')).split(' ')[1];
  for (const part of [
    '/etc/ssh/sshd_config.d/00-postern-mac.conf',
    'root:root 0755',
    'userdel postern-mac',
    publicKey,
  ]) {
    expect(first.stdout).toContain(part);
  }
  expect((await stat(join(home, 'ssh/id_ed25519'))).mode & 0o777).toBe(0o600);
  const second = await postern();
  expect(second.stderr).toBe('');
  expect(second.stdout).toBe(first.stdout);
});

test('--out writes the files under their paths, twice the same is fine, and nothing else is overwritten', async () => {
  const out = join(home, 'relay');
  expect((await postern('--out', out)).status).toBe(0);
  const session = join(out, 'files/usr/local/lib/postern/session');
  expect((await stat(session)).mode & 0o777).toBe(0o755);
  expect((await readdir(out)).sort()).toEqual(['files', 'setup.sh', 'take-back.sh']);
  expect((await postern('--out', out)).status).toBe(0);
  await writeFile(session, 'mine');
  const refused = await postern('--out', out, '--json');
  expect(refused.status).toBe(1);
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'RELAY_FILES_EXIST' } });
  expect(await readFile(session, 'utf8')).toBe('mine');
});

test('--json gives the same as data', async () => {
  const { stdout } = await postern('--json');
  const said = JSON.parse(stdout) as { files: { path: string; mode: string }[]; setup: string };
  expect(said.files.map((file) => file.path)).toContain('/etc/nginx/postern.d/names/mac.map');
  expect(said.setup).toContain('useradd -r');
});

test('without root on the relay it is one line for authorized_keys', async () => {
  await configure(', forward: port, ports: [20001, 20002], account: bob');
  const { stdout, stderr } = await postern();
  expect(stdout).toContain('permitlisten="127.0.0.1:20001",permitlisten="127.0.0.1:20002"');
  expect(stderr).toContain('Any local user');
});

test('a private key that lost its .pub file is not overwritten', async () => {
  await postern();
  await rm(join(home, 'ssh/id_ed25519.pub'));
  const before = await readFile(join(home, 'ssh/id_ed25519'), 'utf8');
  const { status, stderr } = await postern();
  expect(status).toBe(1);
  expect(stderr).toContain('RELAY_KEY_FAILED');
  expect(await readFile(join(home, 'ssh/id_ed25519'), 'utf8')).toBe(before);
});

test('another account in the configuration than the one that the files make is pointed out', async () => {
  await configure(', account: bob');
  expect((await postern('--json')).stderr).toContain(
    'make the account postern-mac, but relay.account says bob',
  );
  await configure(', account: postern-mac');
  expect((await postern('--json')).stderr).toBe('');
});
