import type { Clock, Timer } from '../../core/clock.ts';

/** How often deadlines are looked at; every time limit is kept to within this. */
const SWEEP_MS = 200;

/** Something that has deadlines of its own. */
export interface Sweepable {
  /** @param nowMs the monotonic clock */
  sweep(nowMs: number): void;
}

/**
 * Looks after all deadlines of the edge with one timer: thousands of connections, each with several limits that start
 * anew with every request, would otherwise make and cancel timers all the time.
 */
export class Sweeper {
  readonly #clock: Clock;
  readonly #items = new Set<Sweepable>();
  readonly #timer: Timer;
  /** The monotonic clock as of the last sweep: exact enough for a limit of seconds, and free. */
  nowMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.nowMs = clock.monotonicMs();
    this.#timer = clock.every(SWEEP_MS, () => this.#sweep());
  }

  add(item: Sweepable): void {
    this.#items.add(item);
  }

  delete(item: Sweepable): void {
    this.#items.delete(item);
  }

  stop(): void {
    this.#timer.cancel();
  }

  #sweep(): void {
    this.nowMs = this.#clock.monotonicMs();
    for (const item of this.#items) item.sweep(this.nowMs);
  }
}
