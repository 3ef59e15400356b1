import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../platform/clock.ts';
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
  const attempts = await Promise.allSettled(
    Array.from({ length: 20 }, () => acquireStartLock(folder(), systemClock)),
  );
  const won = attempts.filter((one) => one.status === 'fulfilled');
  expect(won).toHaveLength(1);
  await won[0]?.value();
  await (
    await acquireStartLock(folder(), systemClock)
  )();
  expect(await readdir(join(root, 'run'))).toEqual([]);
});

test.each(['', '{', '{"pid":"x"}', 'null'])('a lock that holds %j is nobody’s', async (text) => {
  await writeFile(join(root, 'run/starting.lock'), text);
  await (
    await acquireStartLock(folder(), systemClock)
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
      await acquireStartLock(folder(), systemClock)
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

/** A program that takes the lock when it is told to and says how that went; on the next line it gives it back. */
const CONTENDER = `
  const [lock, home, clock] = await Promise.all(
    ['./start-lock.ts', '../platform/home-folder.ts', '../platform/clock.ts'].map(
      (file) => import(new URL(file, ${JSON.stringify(import.meta.url)}).href),
    ),
  );
  let release;
  console.log('ready');
  for await (const line of (await import('node:readline')).createInterface({ input: process.stdin })) {
    if (line === 'release') await release?.();
    else release = await lock.acquireStartLock(home.homeFolder(), clock.systemClock).catch(() => undefined);
    console.log(line === 'release' ? 'released' : release ? 'won' : 'lost');
  }`;

test('processes that find the same dead lock at the same moment: exactly one takes it, round after round', async () => {
  const contenders = Array.from({ length: 6 }, () => {
    const args = ['--input-type=module', '--no-warnings', '-e', CONTENDER];
    const child = spawnProcess(process.execPath, args, { env: { ...process.env, POSTERN_HOME: root } });
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  const tellAll = async (line?: string): Promise<(string | undefined)[]> => {
    if (line !== undefined) for (const { child } of contenders) child.stdin.write(`${line}\n`);
    return Promise.all(contenders.map(async ({ lines }) => (await lines.next()).value as string | undefined));
  };
  try {
    expect(new Set(await tellAll())).toEqual(new Set(['ready']));
    const dead = JSON.stringify({ pid: await deadPid(), startedAt: '1' });
    for (let round = 0; round < 60; round++) {
      await writeFile(join(root, 'run/starting.lock'), dead);
      // Every third time somebody died while removing another dead one.
      if (round % 3 === 0) await writeFile(join(root, 'run/starting.lock.removal'), dead);
      const said = await tellAll('take');
      expect(said.filter((one) => one === 'won')).toHaveLength(1);
      expect(new Set(await tellAll('release'))).toEqual(new Set(['released']));
      expect(await readdir(join(root, 'run'))).toEqual([]);
    }
  } finally {
    for (const { child } of contenders) child.kill('SIGKILL');
    await Promise.all(contenders.map(({ child }) => child.ended));
  }
});
