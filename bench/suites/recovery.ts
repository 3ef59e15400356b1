import { setTimeout as pause } from 'node:timers/promises';
import { must } from '../../test/support/namespace.ts';
import type { ChildHandle } from '../../src/platform/processes.ts';
import { NAMES, type Stage } from '../stage.ts';
import { probePath } from '../tools/probe.ts';
import { childrenOf, nameOf } from '../tools/procfs.ts';
import type { Sample } from '../tools/result.ts';
import { type WatchedRequest, findOutage } from '../tools/watch-log.ts';
import { type Suite, type SuiteOptions, describe } from './suite.ts';

/** What a fault reports: when its cause was gone, and when sshd listened again after a reboot. */
interface FaultTimes {
  readonly endMs: number;
  readonly sshdMs?: number;
}

interface Fault {
  readonly name: string;
  readonly runs: number;
  /** How long visitors are watched after the fault is over. */
  readonly watchAfterMs: number;
  make(stage: Stage, run: number): Promise<FaultTimes>;
}

const WATCH_BEFORE_MS = 3000;
const KEPT_CONNECTIONS = 4;

const wallMs = (): number => performance.timeOrigin + performance.now();
const over = (): FaultTimes => ({ endMs: wallMs() });

const sshOf = (stage: Stage): number[] =>
  childrenOf(stage.postern.pid)
    .filter((pid) => nameOf(pid) === 'ssh')
    .toSorted((one, other) => one - other);

async function blackhole(stage: Stage, seconds: number): Promise<FaultTimes> {
  await stage.lab.faults.blackhole(true);
  await pause(seconds * 1000);
  const times = over();
  await stage.lab.faults.blackhole(false);
  return times;
}

/** As a laptop does it: everything of Postern stops where it is, the network goes, and both come back at once. */
async function sleepHome(stage: Stage, seconds: number): Promise<FaultTimes> {
  await stage.lab.faults.blackhole(true);
  const pids = [stage.postern.pid, ...childrenOf(stage.postern.pid)];
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await pause(seconds * 1000);
  const times = over();
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  await stage.lab.faults.blackhole(false);
  return times;
}

/** Prints the time (milliseconds since 1970) at which sshd accepted a connection. */
const WAIT_FOR_SSHD = `until timeout 0.2 bash -c "exec 3<>/dev/tcp/$1/22" 2>/dev/null; do sleep 0.02; done; date +%s%3N`;

async function rebootRelay(stage: Stage, seconds: number): Promise<FaultTimes> {
  const rebooting = stage.lab.faults.rebootRelay(seconds * 1000);
  await pause(Math.min(1000, seconds * 500));
  const { relayForHome } = stage.lab.address;
  const [listens] = await Promise.all([
    must(stage.lab.run('home', 'bash', ['-c', WAIT_FOR_SSHD, 'bash', relayForHome], { timeoutMs: 60_000 })),
    rebooting,
  ]);
  return { ...over(), sshdMs: Number(listens.trim()) };
}

function faults(isQuick: boolean): Fault[] {
  const times = (count: number): number => (isQuick ? 1 : count);
  const soon = { watchAfterMs: 8000 };
  const kill = (stage: Stage, pids: readonly number[]): FaultTimes => {
    if (pids.length === 0) throw new Error('there is no ssh to kill');
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    void stage;
    return over();
  };
  return [
    {
      name: 'kill-one-ssh',
      runs: 2,
      ...soon,
      make: async (stage, run) => kill(stage, sshOf(stage).slice(run - 1, run)),
    },
    { name: 'kill-all-ssh', runs: times(3), ...soon, make: async (stage) => kill(stage, sshOf(stage)) },
    {
      name: 'kill-sessions',
      runs: times(3),
      ...soon,
      make: async (stage) => {
        await stage.lab.faults.killSessions();
        return over();
      },
    },
    { name: 'relay-reboot', runs: times(2), ...soon, make: (stage) => rebootRelay(stage, isQuick ? 3 : 8) },
    { name: 'blackhole-30', runs: times(2), ...soon, make: (stage) => blackhole(stage, isQuick ? 12 : 30) },
    { name: 'blackhole-300', runs: 1, ...soon, make: (stage) => blackhole(stage, isQuick ? 25 : 300) },
    { name: 'sleep-60', runs: times(2), ...soon, make: (stage) => sleepHome(stage, isQuick ? 10 : 60) },
    {
      name: 'nat-lost',
      runs: times(3),
      watchAfterMs: 15_000,
      make: async (stage) => {
        await stage.lab.faults.cutFlows();
        return over();
      },
    },
    {
      name: 'address-change',
      runs: times(3),
      watchAfterMs: 10_000,
      make: async (stage) => {
        await stage.lab.faults.changeHomeAddress();
        return over();
      },
    },
  ];
}

/** Visitors at 20 requests a second, home 20 ms away, while something breaks; each run on a fresh daemon. */
export const recovery: Suite = {
  name: 'recovery',
  stage: { withReference: false, roundTrips: { homeMs: 20, clientMs: 0 } },
  async run(stage: Stage, { isQuick, say }: SuiteOptions) {
    const samples: Sample[] = [];
    for (const fault of faults(isQuick)) {
      for (let run = 1; run <= fault.runs; run++) {
        const sample = await watchFault(stage, fault, run);
        say(`${fault.name} ${run}: ${describe(sample.values)}`);
        samples.push(sample);
      }
    }
    return samples;
  },
};

async function watchFault(stage: Stage, fault: Fault, run: number): Promise<Sample> {
  await stage.postern.restart();
  const watch = startWatch(stage);
  await pause(WATCH_BEFORE_MS);
  const startMs = wallMs();
  const { endMs, sshdMs } = await fault.make(stage, run);
  await pause(fault.watchAfterMs);
  const log = await watch.stop();
  await must(stage.lab.run('relay', 'sh', ['-c', 'nft flush ruleset']));
  const outage = findOutage(log, endMs);
  const early = log.filter(({ startMs: sentMs, fault: why }) => sentMs < startMs - 100 && why !== null);
  if (early.length > 0) throw new Error(`requests failed before the fault: ${early[0]?.fault}`);
  const sinceSshd = sshdMs === undefined ? {} : { afterSshdSeconds: findOutage(log, sshdMs).afterSeconds };
  return {
    variant: fault.name,
    pair: run,
    values: { ...outage, ...sinceSshd, faultSeconds: (endMs - startMs) / 1000 },
    raw: log
      .filter(
        ({ fault: why, startMs: sentMs, endMs: doneMs, retried }) =>
          why !== null || retried || doneMs - sentMs > 500,
      )
      .map(({ startMs: sentMs, endMs: doneMs, fault: why, retried }) => ({
        sentSeconds: Number(((sentMs - startMs) / 1000).toFixed(3)),
        tookSeconds: Number(((doneMs - sentMs) / 1000).toFixed(3)),
        fault: why,
        ...(retried ? { retried } : {}),
      })),
  };
}

interface Watch {
  /** Waits for the last requests, and ends. */
  stop(): Promise<WatchedRequest[]>;
}

function startWatch(stage: Stage): Watch {
  const goal = stage.through(NAMES.files, '/64');
  const probe: ChildHandle = stage.lab.spawn('client', process.execPath, [
    probePath('watch'),
    JSON.stringify({ goal, intervalMs: 50, keptConnections: KEPT_CONNECTIONS }),
  ]);
  let printed = '';
  probe.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  probe.stderr.pipe(process.stderr);
  return {
    stop: async () => {
      probe.stdin.end();
      await probe.ended;
      return printed
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as WatchedRequest);
    },
  };
}
