import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '../../test/support/wait-for.ts';
import { NAMES, type Stage } from '../stage.ts';
import { probePath } from '../tools/probe.ts';
import { readCpuMs, readRssBytes } from '../tools/procfs.ts';
import type { Sample } from '../tools/result.ts';
import { percentile } from '../tools/statistics.ts';
import { type Suite, type SuiteOptions, takeTurns } from './suite.ts';

interface Answer {
  readonly open: number;
  readonly faults: readonly string[];
  readonly connectMs: readonly number[];
  readonly roundTripsMs: readonly number[];
}

const SOCKETS = 1000;

/** A thousand WebSockets at once, home 20 ms away, and what they cost in memory; each run on a fresh daemon. */
export const websockets: Suite = {
  name: 'websockets',
  stage: { withReference: false, roundTrips: { homeMs: 20, clientMs: 0 } },
  async run(stage: Stage, { isQuick, say }: SuiteOptions) {
    return takeTurns({ postern: () => measure(stage, isQuick ? 5 : 10) }, isQuick ? 1 : 3, say);
  },
};

async function measure(stage: Stage, seconds: number): Promise<Omit<Sample, 'variant' | 'pair'>> {
  await stage.postern.restart();
  await pause(10_000);
  const idleBytes = readRssBytes(stage.postern.pid);
  const goal = stage.through(NAMES.talk, '/echo');
  const probe = stage.lab.spawn('client', process.execPath, [
    probePath('websockets'),
    JSON.stringify({ goal, sockets: SOCKETS, seconds }),
  ]);
  let printed = '';
  probe.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  probe.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await waitFor('all sockets are open', 60_000, () => printed.includes('\n'));
  const beforeMs = readCpuMs(stage.postern.pid);
  // Read while they talk: the last handshakes' garbage is gone by then, as it would be in a daemon that runs for days.
  await pause((seconds - 1) * 1000);
  const busyBytes = readRssBytes(stage.postern.pid);
  const cpuMs = readCpuMs(stage.postern.pid) - beforeMs;
  await probe.ended;
  const { faults, connectMs, roundTripsMs, open } = JSON.parse(
    printed.trim().split('\n').at(-1) ?? '',
  ) as Answer;
  return {
    values: {
      failed: SOCKETS - open + faults.length,
      p50Ms: percentile(roundTripsMs, 0.5),
      p99Ms: percentile(roundTripsMs, 0.99),
      connectP50Ms: percentile(connectMs, 0.5),
      idleMegabytes: idleBytes / 1e6,
      kilobytesPerSocket: (busyBytes - idleBytes) / open / 1000,
      cpuMsPerSecond: cpuMs / (seconds - 1),
    },
    raw: { open, faults, idleBytes, busyBytes, connectMs, roundTripsMs },
  };
}
