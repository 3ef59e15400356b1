import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { homeFolder } from '../platform/home-folder.ts';
import { identifyProcess, spawnProcess } from '../platform/processes.ts';
import { canaryKeyOf, sweepRunFolder } from './run-folder.ts';
import { acquireStartLock } from './start-lock.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let root = '';
const folder = () => homeFolder({ POSTERN_HOME: root });
beforeEach(async () => {
  root = makeTestFolder('pl-');
  await mkdir(join(root, 'run'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The number of a process that was there and is gone. */
async function deadPid(): Promise<number> {
  const child = spawnProcess('true', []);
  await child.ended;
  return child.pid as number;
}

test('of many that start at once exactly one gets the lock, and after it the next', async () => {
  const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => acquireStartLock(folder())));
  const won = attempts.filter((one) => one.status === 'fulfilled');
  expect(won).toHaveLength(1);
  await won[0]?.value();
  await (
    await acquireStartLock(folder())
  )();
  expect(await readdir(join(root, 'run'))).toEqual([]);
});

test.each(['', '{', '{"pid":"x"}', 'null'])('a lock that holds %j is nobody’s', async (text) => {
  await writeFile(join(root, 'run/starting.lock'), text);
  await (
    await acquireStartLock(folder())
  )();
});

test('the lock of a dead process, or of another process with its number, is taken', async () => {
  const own = await identifyProcess(process.pid);
  for (const holder of [
    { pid: await deadPid(), startedAt: '1' },
    { ...own, startedAt: 'earlier' },
  ]) {
    await writeFile(join(root, 'run/starting.lock'), JSON.stringify(holder));
    await (
      await acquireStartLock(folder())
    )();
  }
});

test('sockets of dead daemons are swept, those of living ones and other files stay', async () => {
  const dead = await deadPid();
  const living = spawnProcess('sleep', ['30']);
  const names = [
    `control-${dead}.sock`,
    `${dead}-1-tls.sock`,
    `${process.pid}-7-http.sock`,
    `control-${living.pid}.sock`,
    `${living.pid}-1-tls.sock`,
    'control.json',
    'other.sock',
    `${dead}.txt`,
  ];
  for (const name of names) await writeFile(join(root, 'run', name), '');
  await sweepRunFolder(folder());
  living.kill('SIGKILL');
  await living.ended;
  expect((await readdir(join(root, 'run'))).toSorted()).toEqual(
    [
      `${dead}.txt`,
      `${living.pid}-1-tls.sock`,
      'control.json',
      `control-${living.pid}.sock`,
      'other.sock',
    ].toSorted(),
  );
});

test('all daemons of a home share one canary key; a spoiled one is refused', async () => {
  const keys = await Promise.all(Array.from({ length: 8 }, () => canaryKeyOf(folder())));
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
  expect(keys[0]).toHaveLength(32);
  await writeFile(join(root, 'canary.key'), 'short');
  await expect(canaryKeyOf(folder())).rejects.toMatchObject({ code: 'DAEMON_STATE_UNUSABLE' });
});

test('a server that cannot be found is no reason to fail', async () => {
  // A socket file without a listener is what kill -9 leaves.
  const server: Server = createServer().listen(join(root, 'run', `control-${process.pid}.sock`));
  await new Promise((resolve) => server.once('listening', resolve));
  await sweepRunFolder(folder());
  expect(await readdir(join(root, 'run'))).toEqual([]);
  await new Promise((resolve) => server.close(resolve));
});
