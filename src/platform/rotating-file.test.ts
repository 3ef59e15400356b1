import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { RotatingFile } from './rotating-file.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let folder = '';
beforeEach(async () => {
  folder = makeTestFolder('postern-log-');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (clock = new FakeClock()): RotatingFile =>
  new RotatingFile({ path: join(folder, 'a.jsonl'), maxBytes: 100, files: 3, clock });

const names = async (): Promise<string[]> => (await readdir(folder)).toSorted();

test('lines are written together after a moment, in a file of mode 0600', async () => {
  const clock = new FakeClock();
  const file = open(clock);
  file.write('one\n');
  file.write('two\n');
  expect(await names()).toEqual([]);
  clock.advance(100);
  expect(await readFile(join(folder, 'a.jsonl'), 'utf8')).toBe('one\ntwo\n');
  expect((await stat(join(folder, 'a.jsonl'))).mode & 0o777).toBe(0o600);
  file.close();
});

test('lines of any length and any letters come out whole and in order', async () => {
  const file = new RotatingFile({
    path: join(folder, 'a.jsonl'),
    maxBytes: 10_000_000,
    files: 3,
    clock: new FakeClock(),
  });
  const lines = Array.from({ length: 60 }, (_, number) => `${number} ${'门é😀x'.repeat(number ** 2 * 4)}\n`);
  for (const line of lines) file.write(line);
  file.close();
  expect(await readFile(join(folder, 'a.jsonl'), 'utf8')).toBe(lines.join(''));
});

test('by size the file is set aside; the oldest goes, and no line is lost or cut before that', async () => {
  const file = open();
  for (let number = 100; number < 140; number++) {
    file.write(`line ${number}\n`); // 9 bytes
    file.flush();
  }
  file.close();
  expect(await names()).toEqual(['a.jsonl', 'a.jsonl.1', 'a.jsonl.2']);
  const kept = await Promise.all(
    ['a.jsonl.2', 'a.jsonl.1', 'a.jsonl'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  expect(kept.every((text) => text.length <= 100)).toBe(true);
  const lines = kept.join('').trimEnd().split('\n');
  expect(lines.at(-1)).toBe('line 139');
  expect(lines).toEqual(
    Array.from({ length: lines.length }, (_, index) => `line ${140 - lines.length + index}`),
  );
});

test('two writers: who finds the file set aside by the other goes on in the new one', async () => {
  const [old, successor] = [open(), open()];
  old.write('old 1\n');
  old.flush();
  for (let number = 0; number < 12; number++) {
    successor.write(`successor\n`);
    successor.flush();
  }
  old.write('old 2\n');
  old.flush();
  expect(await readFile(join(folder, 'a.jsonl'), 'utf8')).toContain('old 2');
  expect(await readFile(join(folder, 'a.jsonl.1'), 'utf8')).toContain('old 1');
  old.close();
  successor.close();
});

test('a folder that is gone loses lines, not the program', async () => {
  const file = open();
  await rm(folder, { recursive: true });
  file.write('x\n');
  expect(() => file.close()).not.toThrow();
});
