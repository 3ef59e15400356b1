import type { Clock } from '../../core/clock.ts';
import { makeSecret } from './secrets.ts';

const VISITS_MOST = 5000;
const VISIT_MS = 3_600_000;
const PATH_BYTES_MOST = 2048;

/** Somebody on the way to the sign-in origin and back. */
export interface Errand {
  readonly service: string;
  /** The visit cookie on the service's host: only that browser may come back with a ticket. */
  readonly visitHash: string;
}

/**
 * Where strangers wanted to go, kept here and not in a URL, so that nobody can hand out a link that leads elsewhere after
 * sign-in. In memory and bounded: the oldest are forgotten, which costs their owners the way back to a page and no more.
 */
export class Visits {
  readonly #paths: ExpiringMap<string>;
  readonly #errands: ExpiringMap<Errand>;

  constructor(clock: Clock) {
    this.#paths = new ExpiringMap(clock);
    this.#errands = new ExpiringMap(clock);
  }

  /** @param target request target; anything that is not a plain path of printable ASCII is kept as `/` */
  rememberPath(visitHash: string, target: string): void {
    const isPlain = /^\/[\x21-\x7e]*$/.test(target) && target.length <= PATH_BYTES_MOST;
    this.#paths.set(visitHash, isPlain ? target : '/');
  }

  takePath(visitHash: string | undefined): string {
    return (visitHash === undefined ? undefined : this.#paths.take(visitHash)) ?? '/';
  }

  startErrand(errand: Errand): string {
    const id = makeSecret();
    this.#errands.set(id, errand);
    return id;
  }

  findErrand(id: string | undefined): Errand | undefined {
    return id === undefined ? undefined : this.#errands.get(id);
  }

  get size(): number {
    return this.#paths.size + this.#errands.size;
  }
}

class ExpiringMap<T> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { value: T; untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: this.#clock.monotonicMs() + VISIT_MS });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > VISITS_MOST && oldest !== undefined) this.#entries.delete(oldest);
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    return entry && this.#clock.monotonicMs() < entry.untilMs ? entry.value : undefined;
  }

  take(key: string): T | undefined {
    const value = this.get(key);
    this.#entries.delete(key);
    return value;
  }
}
