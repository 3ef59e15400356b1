import { type Clock, sleep } from '../core/clock.ts';
import { isPosternError } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';
import type { HomeFolder } from '../platform/home-folder.ts';
import { signalProcess } from '../platform/process-records.ts';
import { identityOf, readAnnouncement } from './control/announcement.ts';
import { ControlClient } from './control/client.ts';

/** The daemon that is running already, as its successor sees it. */
export interface Predecessor {
  /** It takes no name back from now on. */
  hold(): Promise<void>;
  /** The successor did not get through: it goes on as before. */
  release(): Promise<void>;
  /** Tells it to drain and end; resolves when its process is gone. One that does not go is killed. */
  retire(): Promise<void>;
}

const LOOK_MS = 100;
/** What an end takes beyond the drain. */
const END_MS = 5000;

export interface PredecessorOptions {
  readonly folder: HomeFolder;
  readonly clock: Clock;
  readonly log: Log;
  /** Time that running requests get when a daemon ends. */
  readonly drainMs: number;
  /** Time that it gets to answer on its control socket. Default 5 s. */
  readonly answerMs?: number;
}

/**
 * Finds the daemon of this home. An announcement without a living process (kill -9, a crash) is nobody;
 * a process that lives and does not answer is replaced all the same, and killed once its successor is through.
 */
export async function findPredecessor(options: PredecessorOptions): Promise<Predecessor | undefined> {
  const announcement = await readAnnouncement(options.folder);
  if (!announcement || announcement.pid === process.pid) return undefined;
  const client = new ControlClient(announcement, options.answerMs);
  if (!(await client.isAlive())) return undefined;
  const { clock, log } = options;
  /** @returns whether it has answered */
  const tell = async (what: string, call: () => Promise<void>): Promise<boolean> => {
    try {
      await call();
      return true;
    } catch (error) {
      if (!isPosternError(error)) throw error;
      log.warn({ error, predecessor: client.pid }, `the older daemon could not be told to ${what}`);
      return false;
    }
  };
  return {
    hold: async () => void (await tell('hold its link', () => client.beginHandOver())),
    release: async () => void (await tell('go on', () => client.cancelHandOver())),
    async retire() {
      // Who does not even answer serves nobody, so there is nothing to wait for.
      const patienceMs = (await tell('drain', () => client.stop(false))) ? options.drainMs + END_MS : 0;
      const untilMs = clock.monotonicMs() + patienceMs;
      while (clock.monotonicMs() < untilMs && (await client.isAlive())) await sleep(clock, LOOK_MS);
      if (!(await client.isAlive())) return;
      log.warn({ predecessor: client.pid }, 'the older daemon did not end in time and is killed');
      await signalProcess(identityOf(announcement), 'SIGKILL');
    },
  };
}
