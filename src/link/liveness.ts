import type { Clock, Timer } from '../core/clock.ts';

/** A beat may come back this share of a heartbeat late (and four round trips) before the connection is doubted. */
const LATE_SHARE = 1.25;
const LATE_ROUND_TRIPS = 4;
/** The relay ends a session after 15 s without a heartbeat, so no answer is worth waiting for longer than that. */
const MAX_LATE_MS = 10_000;

/** A beat that is asked for by name (after a wake, a new address) must be back sooner: half a second and two round trips. */
const PROBE_LATE_MS = 500;
const PROBE_ROUND_TRIPS = 2;

/** Share of the newest measurement in the smoothed round trip; RFC 6298 takes 1/8, one a second is slow enough for more. */
const SMOOTHING = 0.25;

export interface LivenessOptions {
  readonly clock: Clock;
  readonly heartbeatMs: number;
  /** Makes the words of this connection unlike those of any other. */
  readonly prefix: string;
  readonly send: (word: string) => void;
  /** A beat came back. */
  readonly onEcho: (roundTripMs: number) => void;
  /** No beat came back in time; called again only after one has. */
  readonly onSilent: () => void;
}

/** The heartbeat of one connection: sends words, measures the way there and back, notices silence. */
export class Liveness {
  readonly #options: LivenessOptions;
  /** Words under way and when they left, oldest first. */
  readonly #sent = new Map<string, number>();
  #count = 0;
  #smoothedMs: number | undefined;
  #lastMs: number | undefined;
  #isSilent = false;
  #timers: Timer[] = [];
  #deadline: Timer | undefined;
  #deadlineMs = Infinity;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** The last measured round trip, milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#lastMs;
  }

  get isSilent(): boolean {
    return this.#isSilent;
  }

  start(): void {
    this.#timers.push(this.#options.clock.every(this.#options.heartbeatMs, () => this.#beat()));
    this.#beat();
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    this.#deadline?.cancel();
  }

  /** A beat at once, with little patience. */
  probe(): void {
    this.#send(PROBE_LATE_MS + PROBE_ROUND_TRIPS * (this.#smoothedMs ?? 0));
  }

  /** A word that the other end sent back; words that were never sent are ignored. */
  echoed(word: string): void {
    const sentMs = this.#sent.get(word);
    if (sentMs === undefined) return;
    for (const earlier of this.#sent.keys()) {
      this.#sent.delete(earlier);
      if (earlier === word) break;
    }
    const roundTripMs = this.#options.clock.monotonicMs() - sentMs;
    this.#lastMs = roundTripMs;
    this.#smoothedMs =
      this.#smoothedMs === undefined
        ? roundTripMs
        : this.#smoothedMs + SMOOTHING * (roundTripMs - this.#smoothedMs);
    this.#isSilent = false;
    this.#clearDeadline();
    if (this.#sent.size > 0) this.#expectWithin(this.#lateMs());
    this.#options.onEcho(roundTripMs);
  }

  #beat(): void {
    this.#send(this.#lateMs());
  }

  #send(lateMs: number): void {
    const word = `${this.#options.prefix}.${++this.#count}`;
    this.#sent.set(word, this.#options.clock.monotonicMs());
    this.#forgetOldest();
    this.#options.send(word);
    this.#expectWithin(lateMs);
  }

  /** Beats that never came back are kept for a minute at most, so that a silent connection costs no memory. */
  #forgetOldest(): void {
    if (this.#sent.size <= 60) return;
    for (const oldest of this.#sent.keys()) {
      this.#sent.delete(oldest);
      return;
    }
  }

  #lateMs(): number {
    const { heartbeatMs } = this.#options;
    const patientMs = LATE_SHARE * heartbeatMs + LATE_ROUND_TRIPS * (this.#smoothedMs ?? 0);
    return Math.min(patientMs, Math.max(MAX_LATE_MS, heartbeatMs));
  }

  /** The soonest of all deadlines counts. */
  #expectWithin(lateMs: number): void {
    const { clock } = this.#options;
    const atMs = clock.monotonicMs() + lateMs;
    if (this.#isSilent || atMs >= this.#deadlineMs) return;
    this.#deadline?.cancel();
    this.#deadlineMs = atMs;
    this.#deadline = clock.after(lateMs, () => {
      this.#clearDeadline();
      this.#isSilent = true;
      this.#options.onSilent();
    });
  }

  #clearDeadline(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.#deadlineMs = Infinity;
  }
}
