import { randomBytes } from 'node:crypto';
import { type Clock, sleep } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import {
  type ProcessRecord,
  readRecords,
  removeRecord,
  signalProcess,
  writeRecord,
} from '../platform/process-records.ts';
import { identifyProcess, isSameProcess } from '../platform/processes.ts';

const KILL_AFTER_MS = 500;

/** Where the child processes of the link are written down, so that the next one finds what a crash left. */
export class ChildBook {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(folder: string, clock: Clock, log: Log) {
    this.#folder = folder;
    this.#clock = clock;
    this.#log = log;
  }

  /** Writes a child down until it has ended. A child that is gone already is no matter. */
  async keep(kind: string, pid: number | undefined, ended: Promise<unknown>): Promise<void> {
    const owner = await identifyProcess(process.pid);
    const child = pid === undefined ? undefined : await identifyProcess(pid);
    if (!owner || !child) return;
    // Two pools of one daemon number their connections alike: without a word of its own one record would replace the other.
    const name = `${kind}-${process.pid}-${randomBytes(6).toString('hex')}`;
    await writeRecord(this.#folder, { name, child, owner });
    await ended;
    await removeRecord(this.#folder, name);
  }

  /** Ends what a daemon that is gone has left behind: by process number and start time, so never anybody else. */
  async endOrphans(): Promise<void> {
    const records = await readRecords(this.#folder);
    await Promise.all(
      records.map(async (record) => {
        if (await isSameProcess(record.owner)) return;
        await this.#end(record);
        await removeRecord(this.#folder, record.name);
      }),
    );
  }

  async #end({ child }: ProcessRecord): Promise<void> {
    if (!(await signalProcess(child, 'SIGTERM'))) return;
    this.#log.info({ pid: child.pid }, 'ending a process that an earlier daemon left behind');
    const untilMs = this.#clock.monotonicMs() + KILL_AFTER_MS;
    while (this.#clock.monotonicMs() < untilMs && (await isSameProcess(child))) await sleep(this.#clock, 20);
    await signalProcess(child, 'SIGKILL');
  }
}
