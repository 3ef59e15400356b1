import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ChildHandle, runProcess, spawnProcess } from '../../src/platform/processes.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

/** What a daemon leaves behind when it is killed is gone after the next start; what a living one holds is not touched. */

let lab: Lab;
const daemons: ChildHandle[] = [];

beforeAll(async () => {
  lab = await startLab();
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) {
    daemon.kill('SIGKILL');
    await daemon.ended;
  }
});
afterAll(() => lab.stop());

const DAEMON = new URL('../support/link-daemon.ts', import.meta.url).pathname;

interface Daemon {
  readonly child: ChildHandle;
  readonly up: Promise<unknown>;
  said(): string;
}

function startDaemon(runFolder: string, relay = lab.relay): Daemon {
  const child = spawnProcess(process.execPath, [DAEMON, JSON.stringify(relay), lab.home, runFolder]);
  daemons.push(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { child, up: waitFor('the daemon is up', 25_000, () => said.includes('up')), said: () => said };
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

test('kill -9 of the daemon: the ssh and the watch it leaves, even stopped ones, are gone after the next start', async () => {
  const runFolder = join(lab.folder, 'run-orphans');
  const startMs = performance.now();
  const first = startDaemon(runFolder);
  await first.up;
  const undisturbedMs = performance.now() - startMs;
  const orphans = await childrenOf(runFolder);
  expect(orphans.length).toBe(3);
  // A stopped ssh does not notice that its parent is gone.
  for (const pid of orphans) process.kill(pid, 'SIGSTOP');
  first.child.kill('SIGKILL');
  await first.child.ended;
  expect(await Promise.all(orphans.map(stateOf))).toEqual(['T', 'T', 'T']);

  const againMs = performance.now();
  const second = startDaemon(runFolder);
  await second.up;
  // A stopped process gets half a second to hear SIGTERM; all of them at once.
  expect(performance.now() - againMs).toBeLessThan(3 * undisturbedMs + 2000);
  expect(await Promise.all(orphans.map(stateOf))).toEqual([undefined, undefined, undefined]);
  const now = await childrenOf(runFolder);
  expect(now.length).toBe(3);
  expect(now.some((pid) => orphans.includes(pid))).toBe(false);
  second.child.kill('SIGKILL');
  await second.child.ended;
  const left = await childrenOf(runFolder);
  await runProcess('kill', ['-9', ...left.map(String)]);
});

test('the ssh of a daemon that lives are left alone by a second one', async () => {
  const runFolder = join(lab.folder, 'run-living');
  const first = startDaemon(runFolder);
  await first.up;
  const living = await childrenOf(runFolder);
  // It asks nobody: with a relay of its own it would end the first one's sessions there.
  const second = startDaemon(runFolder, { ...lab.relay, host: '127.0.0.1', port: 1 });
  second.up.catch(() => {});
  await waitFor('it has looked for orphans and tried to connect', 20_000, async () => {
    const records = (await readdir(runFolder)).filter(
      (name) => name.startsWith('ssh-') && name.includes(`-${second.child.pid}-`),
    );
    return records.length > 0 || second.said().includes('down');
  });
  expect(await Promise.all(living.map(stateOf))).not.toContain(undefined);
  first.child.kill('SIGKILL');
  await first.child.ended;
  await runProcess('kill', ['-9', ...living.map(String)]);
});
