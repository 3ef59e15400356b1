import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChildHandle, runProcess, spawnProcess } from '../../src/platform/processes.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

/** What a daemon leaves behind when it is killed is gone after the next start; what a living one holds is not touched. */

let lab: Lab;

beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.stop());

const DAEMON = new URL('../support/link-daemon.ts', import.meta.url).pathname;

function startDaemon(runFolder: string): { child: ChildHandle; up: Promise<unknown> } {
  const child = spawnProcess(process.execPath, [DAEMON, JSON.stringify(lab.relay), lab.home, runFolder]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { child, up: waitFor(`the daemon is up: ${said}`, 8000, () => said.includes('up')) };
}

async function childrenOf(runFolder: string): Promise<number[]> {
  const names = (await readdir(runFolder)).filter((name) => name.endsWith('.child'));
  const records = await Promise.all(names.map((name) => readFile(join(runFolder, name), 'utf8')));
  return records.map((text) => (JSON.parse(text) as { child: { pid: number } }).child.pid);
}

/** R, S, T (stopped), Z or undefined. */
async function stateOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const state = stat?.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return state === 'Z' ? undefined : state;
}

test('kill -9 of the daemon: the ssh it leaves, even stopped ones, are gone after the next start', async () => {
  const runFolder = join(lab.folder, 'run-orphans');
  const first = startDaemon(runFolder);
  await first.up;
  const orphans = await childrenOf(runFolder);
  expect(orphans.length).toBe(2);
  // A stopped ssh does not notice that its parent is gone.
  for (const pid of orphans) process.kill(pid, 'SIGSTOP');
  first.child.kill('SIGKILL');
  await first.child.ended;
  expect(await Promise.all(orphans.map(stateOf))).toEqual(['T', 'T']);

  const second = startDaemon(runFolder);
  try {
    await second.up;
    expect(await Promise.all(orphans.map(stateOf))).toEqual([undefined, undefined]);
    const now = await childrenOf(runFolder);
    expect(now.length).toBe(2);
    expect(now.some((pid) => orphans.includes(pid))).toBe(false);
  } finally {
    second.child.kill('SIGKILL');
    await second.child.ended;
  }
  const left = await childrenOf(runFolder);
  await waitFor('without a parent they end by themselves', 5000, async () =>
    (await Promise.all(left.map(stateOf))).every((state) => state === undefined),
  );
});

test('the ssh of a daemon that lives are left alone by a second one', async () => {
  const runFolder = join(lab.folder, 'run-living');
  const first = startDaemon(runFolder);
  await first.up;
  const living = await childrenOf(runFolder);
  // The home is another one, so that the relay's sessions do not end each other.
  const second = spawnProcess(process.execPath, [
    DAEMON,
    JSON.stringify({ ...lab.relay, host: '127.0.0.1', port: 1 }),
    lab.home,
    runFolder,
  ]);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await Promise.all(living.map(stateOf))).not.toContain(undefined);
  for (const child of [first.child, second]) {
    child.kill('SIGKILL');
    await child.ended;
  }
  await runProcess('kill', ['-9', ...living.map(String)]);
});
