/** Who waits for a hash: paired devices come before strangers. */
export type HashRank = 'paired' | 'stranger';

const RUNNING_MOST = 2;
const WAITING_MOST: Readonly<Record<HashRank, number>> = { paired: 64, stranger: 16 };

/**
 * At most two password hashes at once (each takes 32 MiB and a thread). Strangers wait in a short line of their own, so
 * that a flood of guesses neither fills the memory nor stands before somebody on a paired device.
 */
export class HashQueue {
  #running = 0;
  readonly #waiting: Record<HashRank, (() => void)[]> = { paired: [], stranger: [] };

  /** @returns `undefined` when the line is full: the work was not done */
  async run<T>(rank: HashRank, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#running >= RUNNING_MOST) {
      if (this.#waiting[rank].length >= WAITING_MOST[rank]) return undefined;
      await new Promise<void>((resolve) => this.#waiting[rank].push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  /** The place goes to the next in line, or becomes free. */
  #passOn(): void {
    const next = this.#waiting.paired.shift() ?? this.#waiting.stranger.shift();
    if (next) next();
    else this.#running--;
  }
}
