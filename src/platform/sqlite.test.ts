import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runProcess } from './processes.ts';
import { openDatabase } from './sqlite.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = makeTestFolder('postern-sqlite-');
  path = join(folder, 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const FIRST = 'CREATE TABLE a (x)';
const SECOND = 'CREATE TABLE b (x)';

test('each step runs once, in order', async () => {
  (await openDatabase(path, [FIRST])).close();
  (await openDatabase(path, [FIRST, SECOND])).close();
  const database = await openDatabase(path, [FIRST, SECOND]);
  expect(database.prepare('SELECT name FROM sqlite_schema').all()).toMatchObject([
    { name: 'a' },
    { name: 'b' },
  ]);
  database.close();
});

test('a step that fails leaves the schema as it was', async () => {
  (await openDatabase(path, [FIRST])).close();
  await expect(openDatabase(path, [FIRST, `${SECOND}; nonsense`])).rejects.toThrow('nonsense');
  const database = await openDatabase(path, [FIRST]);
  expect(database.prepare('SELECT name FROM sqlite_schema').all()).toMatchObject([{ name: 'a' }]);
  database.close();
});

test('a file of a newer Postern is refused', async () => {
  (await openDatabase(path, [FIRST, SECOND])).close();
  await expect(openDatabase(path, [FIRST])).rejects.toThrow('newer Postern (schema 2, this one knows 1)');
});

test('of programs that make the same file at once none fails', async () => {
  const program = `const { openDatabase } = await import(${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)});
    (await openDatabase(process.env.FILE, ['CREATE TABLE a (x)'])).close();`;
  const runs = Array.from({ length: 6 }, () =>
    runProcess(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, FILE: path },
    }),
  );
  for (const run of await Promise.all(runs)) expect(run).toMatchObject({ status: 0, stderr: '' });
});

test('the file can be read by nobody else, and what lies beside it either, also where it was open before', async () => {
  writeFileSync(path, '', { mode: 0o644 });
  const database = await openDatabase(path, [FIRST]);
  const modes = readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777);
  database.close();
  expect(modes).toEqual([0o600, 0o600, 0o600]);
});
