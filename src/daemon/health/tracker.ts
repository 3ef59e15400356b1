import type { Clock, Timer } from '../../core/clock.ts';
import { type ErrorDetails, PosternError } from '../../core/errors/index.ts';
import type { Incident } from '../contract.ts';
import { HEALTH, type HealthCode, type HealthPolicy } from './catalogue.ts';

export interface IncidentEvent {
  readonly kind: 'started' | 'over';
  readonly incident: Incident;
}

/** One thing that is, or was until a moment ago, broken. */
interface Trouble {
  readonly code: HealthCode;
  readonly subject: string;
  error: PosternError;
  readonly sinceMs: number;
  /** Time it was broken before `brokenSinceMs`, with breaks shorter than the policy's quiet time between. */
  brokenMs: number;
  /** Monotonic; when it was last found broken without another trouble that explains it. */
  brokenSinceMs: number;
  /** `undefined` while it is broken. */
  fineSinceMs: number | undefined;
  isAnnounced: boolean;
}

/**
 * Turns "broken" and "fine" as they are noticed into incidents that a person wants to hear of: after a time to visible,
 * once, hidden behind their cause, and over only when it stays fine.
 */
export class HealthTracker {
  readonly #clock: Clock;
  readonly #troubles = new Map<string, Trouble>();
  readonly #listeners = new Set<(event: IncidentEvent) => void>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Something is broken; may be said again and again.
   * @param subject what it is about; empty for everything
   * @param details values for the placeholders of the catalogue's sentence
   */
  report(code: HealthCode, subject: string, details: ErrorDetails): void {
    const error = new PosternError(code, details);
    const known = this.#troubles.get(keyOf(code, subject));
    if (known) {
      known.error = error;
      if (known.fineSinceMs !== undefined) known.brokenSinceMs = this.#clock.monotonicMs();
      known.fineSinceMs = undefined;
    } else {
      this.#troubles.set(keyOf(code, subject), {
        code,
        subject,
        error,
        sinceMs: this.#clock.nowMs(),
        brokenMs: 0,
        brokenSinceMs: this.#clock.monotonicMs(),
        fineSinceMs: undefined,
        isAnnounced: false,
      });
    }
    this.#review();
  }

  /** It is fine; may be said again and again. */
  clear(code: HealthCode, subject: string): void {
    const known = this.#troubles.get(keyOf(code, subject));
    if (!known || known.fineSinceMs !== undefined) return;
    known.fineSinceMs = this.#clock.monotonicMs();
    known.brokenMs += known.fineSinceMs - known.brokenSinceMs;
    this.#review();
  }

  /** Incidents that go on, the oldest first. */
  incidents(): readonly Incident[] {
    return [...this.#troubles.values()]
      .filter((trouble) => trouble.isAnnounced && !this.#isCovered(trouble))
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .map(incidentOf);
  }

  onEvent(callback: (event: IncidentEvent) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#listeners.clear();
  }

  /** Announces and ends what is due, and sets the timer for what is due next. */
  #review(): void {
    const nowMs = this.#clock.monotonicMs();
    const due = [...this.#troubles.values()].map((trouble) => this.#reviewOne(trouble, nowMs));
    const nextMs = Math.min(...due);
    this.#timer?.cancel();
    this.#timer = Number.isFinite(nextMs)
      ? this.#clock.after(Math.max(1, nextMs - nowMs), () => this.#review())
      : undefined;
  }

  /** @returns when to look at it again, monotonic; Infinity: only when something is said */
  #reviewOne(trouble: Trouble, nowMs: number): number {
    const policy: HealthPolicy = HEALTH[trouble.code];
    if (trouble.fineSinceMs !== undefined) {
      const overAtMs = trouble.fineSinceMs + policy.quietMs;
      if (nowMs < overAtMs) return overAtMs;
      this.#troubles.delete(keyOf(trouble.code, trouble.subject));
      if (trouble.isAnnounced) this.#emit('over', trouble);
      return Infinity;
    }
    if (trouble.isAnnounced) return Infinity;
    if (this.#isCovered(trouble)) {
      trouble.brokenMs = 0;
      trouble.brokenSinceMs = nowMs;
      return Infinity;
    }
    const visibleAtMs = trouble.brokenSinceMs + policy.visibleAfterMs - trouble.brokenMs;
    if (nowMs < visibleAtMs) return visibleAtMs;
    trouble.isAnnounced = true;
    this.#emit('started', trouble);
    return Infinity;
  }

  #isCovered(trouble: Trouble): boolean {
    const causes: readonly string[] = HEALTH[trouble.code].dependsOn;
    return [...this.#troubles.values()].some(
      ({ code, subject }) => causes.includes(code) && (subject === '' || subject === trouble.subject),
    );
  }

  #emit(kind: IncidentEvent['kind'], trouble: Trouble): void {
    for (const listener of this.#listeners) listener({ kind, incident: incidentOf(trouble) });
  }
}

function keyOf(code: HealthCode, subject: string): string {
  return `${code} ${subject}`;
}

function incidentOf({ code, subject, error, sinceMs }: Trouble): Incident {
  return { code, subject, title: error.message, remedy: error.remedy, sinceMs };
}
