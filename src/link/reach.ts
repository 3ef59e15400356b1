import type { Clock, Timer } from '../core/clock.ts';

/** A try starts this often while the relay is out of reach. */
const TRY_EVERY_MS = 300;
/** And is given up after this long: Linux would send the second SYN only now. */
const TRY_WITHIN_MS = 1000;

export interface ReachOptions {
  readonly clock: Clock;
  /** Opens a TCP connection to the relay and closes it; true when it came about within `timeoutMs`. */
  readonly tryConnect: (timeoutMs: number, signal: AbortSignal) => Promise<boolean>;
  /** The relay can be reached. `wasDark`: at least one try failed before. */
  readonly onReached: (wasDark: boolean) => void;
}

/**
 * Asks whether the relay can be reached, for the whole pool, until it can: one SYN three times a second instead of an
 * ssh that sits in the kernel's retransmission gaps. It stops at the first success, so that each success is followed by
 * an ssh: OpenSSH ≥ 9.8 counts connections without a login against the address (PerSourcePenalties noauth).
 */
export class Reach {
  readonly #options: ReachOptions;
  #timer: Timer | undefined;
  #abort: AbortController | undefined;
  #hasFailed = false;

  constructor(options: ReachOptions) {
    this.#options = options;
  }

  get isAsking(): boolean {
    return this.#abort !== undefined;
  }

  start(): void {
    if (this.isAsking) return;
    this.#abort = new AbortController();
    this.#hasFailed = false;
    this.#timer = this.#options.clock.every(TRY_EVERY_MS, () => void this.#try());
    void this.#try();
  }

  /** A try at once, if it is asking at all. */
  hurry(): void {
    if (this.isAsking) void this.#try();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #try(): Promise<void> {
    const abort = this.#abort;
    if (!abort) return;
    const isReached = await this.#options.tryConnect(TRY_WITHIN_MS, abort.signal).catch(() => false);
    if (abort !== this.#abort) return;
    if (!isReached) {
      this.#hasFailed = true;
      return;
    }
    this.stop();
    this.#options.onReached(this.#hasFailed);
  }
}
