import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { type ProcessIdentity, identifyProcess } from '../platform/processes.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';
import { Journal } from './journal.ts';

const folder = makeTestFolder('postern-journal-');
afterAll(() => rm(folder, { recursive: true }));

const FOUND = { nginx: false };
const change = { resource: 'packages', before: FOUND, after: { nginx: true }, original: FOUND };

test('what was found on one relay is never put back on another', async () => {
  const path = join(folder, 'relays.db');
  const first = await Journal.open(path, 'x@old:22');
  const run = first.beginRun(1);
  first.start(run, change);
  first.endRun(run);
  const second = await Journal.open(path, 'x@new:22');
  expect(second.owned().size).toBe(0);
  expect(second.lastRun()).toBeUndefined();
  second.start(second.beginRun(2), { ...change, original: { nginx: true } });
  second.closeAllRuns();
  second.disown('packages');
  expect([...first.owned()]).toEqual([['packages', FOUND]]);
  expect(first.lastRun()).toMatchObject({ id: run, state: 'done' });
  first.close();
  second.close();
});

test('a journal from before relays were told apart belongs to the relay that opens it first', async () => {
  const path = join(folder, 'earlier.db');
  const journal = await Journal.open(path, '');
  const run = journal.beginRun(1);
  journal.start(run, change);
  journal.close();
  const [mine, other] = [await Journal.open(path, 'x@one:22'), await Journal.open(path, 'x@two:22')];
  expect([mine.owned().size, other.owned().size]).toEqual([1, 0]);
  expect([mine.lastRun()?.id, other.lastRun()?.id]).toEqual([run, undefined]);
  mine.close();
  other.close();
});

test("what was adopted is what destroy puts back, also where Postern's own stood before", async () => {
  const journal = await Journal.open(':memory:', 'x@r:22');
  const first = journal.beginRun(1);
  journal.start(first, { resource: 'file', before: null, after: 'ours', original: null });
  journal.endRun(first);
  const second = journal.beginRun(2);
  const adoption = { resource: 'file', before: 'theirs', after: 'ours', isAdopted: true };
  journal.start(second, { ...adoption, original: 'theirs' });
  // The run was cut off halfway and goes on: by now a part of what was theirs is ours.
  journal.start(second, { ...adoption, original: null });
  expect(journal.owned().get('file')).toBe('theirs');
  journal.close();
});

test('of two commands that start at the same moment one is refused', async () => {
  const path = join(folder, 'hold.db');
  const journal = await Journal.open(path, 'x@r:22');
  const me = (await identifyProcess(process.pid)) as ProcessIdentity;
  const parent = (await identifyProcess(process.ppid)) as ProcessIdentity;
  const dead = { pid: 2 ** 22 + 1, startedAt: 'never' };
  await journal.hold(dead);
  const held = journal.hold(me);
  // While it looks whether the holder still lives, another one comes first.
  const database = new DatabaseSync(path);
  database.prepare('UPDATE holder SET pid = ?, started_at = ?').run(parent.pid, parent.startedAt);
  database.close();
  await expect(held).rejects.toMatchObject({ code: 'PROVISION_BUSY' });
  journal.close();
});
