import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../core/log.ts';
import { systemClock } from '../platform/clock.ts';
import { homeFolder } from '../platform/home-folder.ts';
import { identifyProcess, spawnProcess } from '../platform/processes.ts';
import { writeAnnouncement } from './control/announcement.ts';
import { findPredecessor } from './predecessor.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let root = '';
const folder = () => homeFolder({ POSTERN_HOME: root });
const options = (answerMs: number) => ({
  folder: folder(),
  clock: systemClock,
  log: silentLog,
  drainMs: 60_000,
  answerMs,
});

beforeEach(async () => {
  root = makeTestFolder('pp-');
  await mkdir(join(root, 'run'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function announce(pid: number, startedAt: string): Promise<string> {
  const address = join(root, 'run/control-1.sock');
  await writeAnnouncement(folder(), { address, token: 'x'.repeat(43), pid, startedAt });
  return address;
}

test('an announcement without its process is nobody', async () => {
  expect(await findPredecessor(options(100))).toBeUndefined();
  const child = spawnProcess('true', []);
  await child.ended;
  await announce(child.pid as number, '1');
  expect(await findPredecessor(options(100))).toBeUndefined();
  await announce((await identifyProcess(1))?.pid ?? 1, 'another start');
  expect(await findPredecessor(options(100))).toBeUndefined();
});

test('a daemon that lives and does not answer is passed over, and killed once its successor is through', async () => {
  const frozen = spawnProcess('sleep', ['60']);
  const identity = await identifyProcess(frozen.pid as number);
  const address = await announce(identity!.pid, identity!.startedAt);
  const silent = createServer(() => {}).listen(address);
  const found = await findPredecessor(options(100));
  await found!.hold();
  await found!.release();
  await found!.retire();
  expect(await frozen.ended).toMatchObject({ signal: 'SIGKILL' });
  silent.close();
});
