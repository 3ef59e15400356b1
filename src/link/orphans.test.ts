import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../core/log.ts';
import { systemClock } from '../platform/clock.ts';
import { readRecords, writeRecord } from '../platform/process-records.ts';
import {
  type ChildHandle,
  type ProcessIdentity,
  identifyProcess,
  spawnProcess,
} from '../platform/processes.ts';
import { ChildBook } from './orphans.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let folder: string;
let child: ChildHandle;
let identity: ProcessIdentity;
let me: ProcessIdentity;
const gone: ProcessIdentity = { pid: 4_194_000, startedAt: '1' };

beforeEach(async () => {
  folder = join(makeTestFolder(), 'run');
  child = spawnProcess(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  identity = (await identifyProcess(child.pid as number)) as ProcessIdentity;
  me = (await identifyProcess(process.pid)) as ProcessIdentity;
});
afterEach(async () => {
  child.kill('SIGKILL');
  await child.ended;
});

const book = (): ChildBook => new ChildBook(folder, systemClock, silentLog);
/** Still there after a signal would have had its effect. */
const isAlive = (): Promise<boolean> =>
  Promise.race([
    child.ended.then(() => false),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 300)),
  ]);

test('a child whose daemon is gone is ended, and forgotten', async () => {
  await writeRecord(folder, { name: 'ssh-1-1-1', child: identity, owner: gone });
  await book().endOrphans();
  await child.ended;
  expect(await readdir(folder)).toEqual([]);
});

test('a stopped one too', async () => {
  child.kill('SIGSTOP');
  // A signal that arrives before the stop has taken effect would still be heard.
  while (!/\) T /.test(await readFile(`/proc/${identity.pid}/stat`, 'utf8'))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writeRecord(folder, { name: 'ssh-1-1-1', child: identity, owner: gone });
  await book().endOrphans();
  expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
});

test('a child of a daemon that lives is left alone', async () => {
  await writeRecord(folder, { name: 'ssh-1-1-1', child: identity, owner: me });
  await book().endOrphans();
  expect(await isAlive()).toBe(true);
});

test('a number that belongs to another process by now is left alone', async () => {
  await writeRecord(folder, { name: 'ssh-1-1-1', child: { ...identity, startedAt: '12345' }, owner: gone });
  await book().endOrphans();
  expect(await isAlive()).toBe(true);
  expect(await readdir(folder)).toEqual([]);
});

test.each([
  '',
  'null',
  '[]',
  '{"child":{"pid":1,"startedAt":"1"},"owner":{"pid":2,"startedAt":"1"}}',
  '{"child":{"pid":-1,"startedAt":""},"owner":{"pid":9,"startedAt":"1"}}',
  '{"child":{"pid":"1; reboot","startedAt":"1"},"owner":{"pid":9,"startedAt":"1"}}',
  'x'.repeat(10_000),
])('a file that holds anything else ends nobody: %#', async (text) => {
  await writeRecord(folder, { name: 'ssh-2-1-1', child: gone, owner: me });
  await writeFile(join(folder, 'ssh-1-1-1.child'), text);
  await book().endOrphans();
  expect(await isAlive()).toBe(true);
});

test('no folder: nothing to do', async () => {
  await expect(book().endOrphans()).resolves.toBeUndefined();
});

test('a child is written down while it lives, and only its owner may read it', async () => {
  const kept = book().keep('ssh-3-7', child.pid, child.ended);
  let names: string[] = [];
  while (names.length === 0) names = await readdir(folder).catch(() => []);
  expect(names[0]).toMatch(/^ssh-3-7-\d+-[0-9a-f]{12}\.child/);
  child.kill('SIGKILL');
  await kept;
  expect(await readdir(folder)).toEqual([]);
});

test('two pools of one daemon, each with a connection of the same number: both are written down, both are found', async () => {
  const other = spawnProcess(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  try {
    const kept = [child, other].map(({ pid, ended }) => book().keep('ssh-1-1', pid, ended));
    const recorded = async (): Promise<number[]> =>
      (await readRecords(folder)).map((record) => record.child.pid).toSorted((a, b) => a - b);
    const both = [child.pid as number, other.pid as number].toSorted((a, b) => a - b);
    await waitFor('both are written down', 5000, async () => (await recorded()).length === 2);
    expect(await recorded()).toEqual(both);
    child.kill('SIGKILL');
    await kept[0];
    expect(await recorded()).toEqual([other.pid]);
    other.kill('SIGKILL');
    await kept[1];
    expect(await readdir(folder)).toEqual([]);
  } finally {
    other.kill('SIGKILL');
    await other.ended;
  }
});
