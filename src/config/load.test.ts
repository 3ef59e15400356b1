import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isPosternError } from '../core/errors/index.ts';
import { loadConfig, resolveConfigPath } from './load.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

const MINIMAL = `home: mac
relay: { host: vps.example.com }
services: [{ name: chat.example.com, to: "http://127.0.0.1:18789" }]
`;

let folder = '';
let file = '';
beforeEach(async () => {
  folder = makeTestFolder('postern-config-');
  file = join(folder, 'postern.yaml');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function codeOf(options: Parameters<typeof loadConfig>[0]): Promise<string> {
  try {
    await loadConfig(options);
    return 'fine';
  } catch (error) {
    return isPosternError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

test('--config wins over $POSTERN_HOME; the current folder is never searched', async () => {
  await writeFile(file, MINIMAL);
  expect((await loadConfig({ env: { POSTERN_HOME: folder } })).path).toBe(file);
  const other = join(folder, 'other.yaml');
  await writeFile(other, MINIMAL.replace('mac', 'pc'));
  expect((await loadConfig({ path: other, env: { POSTERN_HOME: folder } })).config.home).toBe('pc');
  const before = process.cwd();
  process.chdir(folder);
  try {
    expect(await codeOf({ env: { POSTERN_HOME: join(folder, 'empty') } })).toMatch(
      /^CONFIG_NOT_FOUND: .*empty/,
    );
  } finally {
    process.chdir(before);
  }
});

test('a link, a folder and a file over 1 MiB are refused', async () => {
  await writeFile(join(folder, 'real.yaml'), MINIMAL);
  await symlink(join(folder, 'real.yaml'), file);
  expect(await codeOf({ path: file, env: {} })).toMatch(/^CONFIG_UNREADABLE: .*link to .*real\.yaml/);
  await mkdir(join(folder, 'sub'));
  expect(await codeOf({ path: join(folder, 'sub'), env: {} })).toMatch(/^CONFIG_UNREADABLE/);
  await writeFile(join(folder, 'large'), `${MINIMAL}#${'x'.repeat(1024 * 1024)}`);
  expect(await codeOf({ path: join(folder, 'large'), env: {} })).toMatch(/^CONFIG_UNREADABLE: .*larger than/);
});

test('a file that others may write is refused: it names programs that run', async () => {
  await writeFile(file, MINIMAL);
  for (const mode of [0o660, 0o606, 0o622]) {
    await chmod(file, mode);
    expect(await codeOf({ path: file, env: {} })).toMatch(/^CONFIG_UNSAFE/);
  }
  await chmod(file, 0o644);
  expect(await codeOf({ path: file, env: {} })).toBe('fine');
});

test('a literal secret needs 0600; references do not', async () => {
  const secret = 'c4n4ry';
  await writeFile(file, `${MINIMAL}dns: { provider: cloudflare, token: ${secret} }\n`);
  await chmod(file, 0o640);
  const refused = await codeOf({ path: file, env: {} });
  expect(refused).toMatch(/^CONFIG_SECRET_EXPOSED: .*postern\.yaml:4:37: dns\.token .*mode 640/);
  expect(refused).not.toContain(secret);
  await chmod(file, 0o600);
  const { config } = await loadConfig({ path: file, env: {} });
  expect(JSON.stringify(config)).not.toContain(secret);
  expect((await config.dns?.token?.resolve({}))?.reveal()).toBe(secret);
  for (const reference of ['env:X', 'file:/x', 'exec:pass x']) {
    await writeFile(file, `${MINIMAL}gateway: { token: "${reference}" }\n`);
    await chmod(file, 0o644);
    expect(await codeOf({ path: file, env: {} })).toBe('fine');
  }
});

test('all mistakes come at once, each behind FILE:LINE:COLUMN', async () => {
  await writeFile(file, `${MINIMAL}lnik: {}\nlimits: { drainMs: -1 }\n`);
  const said = (await codeOf({ path: file, env: {} })).split('\n');
  expect(said[0]).toMatch(/^CONFIG_INVALID/);
  expect(said.slice(1)).toEqual([
    `${file}:4:1: lnik is not a key of the configuration: did you mean link?`,
    `${file}:5:20: limits.drainMs is out of range: write a whole number from 0 to 600000`,
  ]);
});

test('relative paths start at the configuration, ~ is the home folder', () => {
  expect(resolveConfigPath('/a/postern.yaml', 'certs/x.pem')).toBe('/a/certs/x.pem');
  expect(resolveConfigPath('/a/postern.yaml', '/b/x.pem')).toBe('/b/x.pem');
  expect(resolveConfigPath('/a/postern.yaml', '~/x.pem')).not.toContain('~');
});
