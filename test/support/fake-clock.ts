import type { Clock, Timer } from '../../src/core/clock.ts';

interface Entry {
  dueMs: number;
  intervalMs: number | undefined;
  callback: () => void;
}

/** A clock that a test moves by hand; `advance` runs what falls due, in order. */
export class FakeClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;
  readonly #entries = new Set<Entry>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#add({ dueMs: this.#monotonicMs + Math.max(0, delayMs), intervalMs: undefined, callback });
  }

  every(intervalMs: number, callback: () => void): Timer {
    return this.#add({ dueMs: this.#monotonicMs + intervalMs, intervalMs, callback });
  }

  /** Moves both clocks on by `byMs` and runs every timer that falls due on the way. */
  advance(byMs: number): void {
    const endMs = this.#monotonicMs + byMs;
    for (let next = this.#nextDue(endMs); next; next = this.#nextDue(endMs)) {
      this.#moveTo(next.dueMs);
      if (next.intervalMs === undefined) this.#entries.delete(next);
      else next.dueMs += next.intervalMs;
      next.callback();
    }
    this.#moveTo(endMs);
  }

  /** Like `advance`, and lets promises settle between timers. */
  async advanceAsync(byMs: number, stepMs = byMs): Promise<void> {
    for (let leftMs = byMs; leftMs > 0; leftMs -= stepMs) {
      this.advance(Math.min(stepMs, leftMs));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Time that passes while no timer runs: sleep of the machine. */
  suspend(byMs: number): void {
    this.#nowMs += byMs;
    this.#monotonicMs += byMs;
  }

  #add(entry: Entry): Timer {
    this.#entries.add(entry);
    return { cancel: () => void this.#entries.delete(entry) };
  }

  #nextDue(endMs: number): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.dueMs <= endMs && (next === undefined || entry.dueMs < next.dueMs)) next = entry;
    }
    return next;
  }

  #moveTo(monotonicMs: number): void {
    const byMs = Math.max(0, monotonicMs - this.#monotonicMs);
    this.#monotonicMs += byMs;
    this.#nowMs += byMs;
  }
}
