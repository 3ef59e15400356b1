import { readFile, readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { watchNetwork } from '../../src/platform/network-watch.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.stop());

/** `ip monitor` processes that are children of this one. */
async function monitors(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    pids.map(async (pid) => {
      const read = (file: string): Promise<string> =>
        readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const [stat, command] = [await read('stat'), await read('cmdline')];
      return stat.includes(`) S ${process.pid} `) && command.includes('monitor');
    }),
  );
  return stats.filter(Boolean).length;
}

test('a new address is reported within half a second, and the watch leaves no process', async () => {
  let changes = 0;
  const watch = watchNetwork(systemClock, () => changes++);
  await waitFor('the monitor runs', 2000, async () => (await monitors()) === 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = changes;
  await lab.faults.changeHomeAddress();
  await waitFor('it is reported', 500, () => changes > before);
  watch.stop();
  await waitFor('the monitor is gone', 2000, async () => (await monitors()) === 0);
});

test('without the ip program the interfaces are looked at once a second', async () => {
  const path = process.env['PATH'];
  let changes = 0;
  process.env['PATH'] = '/nonexistent';
  const watch = watchNetwork(systemClock, () => changes++);
  process.env['PATH'] = path;
  // Its absence is noticed before the first look.
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await monitors()).toBe(0);
  await lab.faults.changeHomeAddress();
  await waitFor('it is reported', 2500, () => changes > 0);
  watch.stop();
});
