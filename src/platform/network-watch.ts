import { networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../core/clock.ts';
import { type ChildHandle, spawnProcess } from './processes.ts';

export interface NetworkWatch {
  /** The process that watches, where there is one: it must not outlive us. */
  readonly child?: Pick<ChildHandle, 'pid' | 'ended'>;
  stop(): void;
}

const POLL_MS = 1000;
/** A change comes as a burst of lines: the first is reported at once, the rest together after this long. */
const SETTLE_MS = 250;

/**
 * Reports that addresses, routes or links of this machine changed: by `ip monitor` on Linux (within milliseconds),
 * by looking at the interfaces once a second elsewhere, and where there is no `ip`.
 */
export function watchNetwork(clock: Clock, onChange: () => void): NetworkWatch {
  const report = inBursts(clock, onChange);
  if (process.platform !== 'linux') return stopping(pollInterfaces(clock, report));
  let stopWatch = (): void => {};
  const monitor = spawnProcess('ip', ['-o', 'monitor', 'address', 'route', 'link']);
  monitor.stdout.on('data', report);
  monitor.stdout.on('error', () => {});
  monitor.stderr.resume();
  let isStopped = false;
  void monitor.ended.then(() => {
    if (!isStopped) stopWatch = stopping(pollInterfaces(clock, report)).stop;
  });
  return {
    child: monitor,
    stop: () => {
      isStopped = true;
      monitor.kill('SIGKILL');
      stopWatch();
    },
  };
}

function stopping(timer: Timer): { stop(): void } {
  return { stop: () => timer.cancel() };
}

function pollInterfaces(clock: Clock, onChange: () => void): Timer {
  let last = interfacesNow();
  return clock.every(POLL_MS, () => {
    const now = interfacesNow();
    if (now !== last) onChange();
    last = now;
  });
}

function interfacesNow(): string {
  return JSON.stringify(
    Object.entries(networkInterfaces()).map(([name, addresses]) => [
      name,
      addresses?.map(({ address }) => address),
    ]),
  );
}

function inBursts(clock: Clock, report: () => void): () => void {
  let settling: Timer | undefined;
  let isMore = false;
  const start = (): void => {
    report();
    isMore = false;
    settling = clock.after(SETTLE_MS, () => {
      settling = undefined;
      if (isMore) start();
    });
  };
  return () => {
    if (settling) isMore = true;
    else start();
  };
}
