import { mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBoundedFile, writeFileAtomically } from './files.ts';
import { runProcess } from './processes.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let folder = '';
beforeEach(async () => {
  folder = makeTestFolder('postern-files-');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a file comes with its content and mode', async () => {
  const path = join(folder, 'a');
  await writeFile(path, 'text', { mode: 0o640 });
  const result = await readBoundedFile(path);
  expect(result).toMatchObject({ ok: true, file: { mode: 0o640, uid: process.getuid?.() } });
  expect(result.ok && result.file.bytes.toString()).toBe('text');
});

test('links, folders, pipes, large and missing files are refused, and none of them hangs', async () => {
  const path = join(folder, 'a');
  await writeFile(path, 'x'.repeat(11));
  await symlink(path, join(folder, 'link'));
  await mkdir(join(folder, 'sub'));
  await runProcess('mkfifo', [join(folder, 'pipe')]);
  const refusal = async (name: string): Promise<string | undefined> => {
    const result = await readBoundedFile(join(folder, name), { maxBytes: 10 });
    return result.ok ? undefined : result.refusal;
  };
  expect(await refusal('a')).toBe('too-large');
  expect(await refusal('link')).toBe('link');
  expect(await refusal('sub')).toBe('not-a-file');
  expect(await refusal('pipe')).toBe('not-a-file');
  expect(await refusal('nothing')).toBe('missing');
  expect((await readBoundedFile('/dev/zero')).ok).toBe(false);
});

test('a link is followed where the caller says so', async () => {
  await writeFile(join(folder, 'a'), 'text');
  await symlink(join(folder, 'a'), join(folder, 'link'));
  expect((await readBoundedFile(join(folder, 'link'), { followLink: true })).ok).toBe(true);
});

test('an atomic write has its mode whatever the umask, replaces, and leaves nothing behind', async () => {
  const path = join(folder, 'secret');
  await writeFile(path, 'old', { mode: 0o644 });
  await writeFileAtomically(path, 'new', 0o600);
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await expect(writeFileAtomically(join(folder, 'no', 'where'), 'x', 0o600)).rejects.toThrow('ENOENT');
  expect(await readdir(folder)).toEqual(['secret']);
});
