import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SecretReference } from './secrets.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let folder = '';
beforeEach(async () => {
  folder = makeTestFolder('postern-secret-');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const resolve = async (text: string, env: NodeJS.ProcessEnv = {}): Promise<string> =>
  (await new SecretReference(text).resolve(env)).reveal();

test('env, file and exec are fetched; one line end at the end is dropped', async () => {
  expect(await resolve('env:TOKEN', { TOKEN: 'abc' })).toBe('abc');
  const file = join(folder, 'token');
  await writeFile(file, 'abc \n', { mode: 0o600 });
  expect(await resolve(`file:${file}`)).toBe('abc ');
  expect(await resolve('exec:printf a%sc b', { PATH: process.env['PATH'] })).toBe('abc');
});

test('no shell reads an exec reference', async () => {
  expect(await resolve('exec:echo $HOME;id `id`', { PATH: process.env['PATH'], HOME: '/h' })).toBe(
    '$HOME;id `id`',
  );
});

test('what is not there, empty, readable by others or failing is an error, never an empty secret', async () => {
  const file = join(folder, 'token');
  await writeFile(file, 'abc', { mode: 0o600 });
  await chmod(file, 0o644);
  await writeFile(join(folder, 'empty'), '\n', { mode: 0o600 });
  for (const text of [
    'env:NOT_SET',
    'env:EMPTY',
    `file:${join(folder, 'no')}`,
    `file:${file}`,
    `file:${join(folder, 'empty')}`,
    'exec:',
    'exec:no-such-program-of-postern',
    'exec:false',
  ]) {
    const env = { EMPTY: '', PATH: process.env['PATH'] };
    await expect(resolve(text, env), text).rejects.toMatchObject({ code: 'CONFIG_SECRET_UNRESOLVED' });
  }
});

test("a program's output is in no error, a literal in no print", async () => {
  const script = join(folder, 'fail');
  await writeFile(script, '#!/bin/sh\necho c4n4ry; echo c4n4ry >&2; exit 1\n', { mode: 0o700 });
  const error: unknown = await resolve(`exec:${script}`).catch((thrown: unknown) => thrown);
  expect(inspect(error, { depth: 9 })).not.toContain('c4n4ry');
  const literal = new SecretReference('c4n4ry');
  for (const shown of [`${literal}`, JSON.stringify({ literal }), inspect({ literal }, { depth: 9 })]) {
    expect(shown).toContain('[secret]');
    expect(shown).not.toContain('c4n4ry');
  }
  expect(`${new SecretReference('env:X')}`).toBe('env:X');
});
