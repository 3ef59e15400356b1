import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

const WINDOW_MS = 60_000;
const PREFIX = '/.well-known/';
/** A SHA-256 HMAC in base64url. */
const TAG_LENGTH = 43;

export interface CanaryPair {
  readonly path: string;
  readonly expectedBody: string;
}

/**
 * The request by which the home finds out whether the public name leads to itself: its path proves that the asker knows
 * the key, its answer that the answerer does. Anybody else gets there what he gets on every other path.
 */
export class Canary {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  /** @param key 32 random bytes, the same in all daemons of this home */
  constructor(key: Uint8Array, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  make(): CanaryPair {
    return this.#pairOf(this.#currentWindow());
  }

  /**
   * @param target request target as it came
   * @returns the body to answer with, or `undefined` when this is a request like any other
   */
  answerTo(target: string): string | undefined {
    if (target.length !== PREFIX.length + TAG_LENGTH || !target.startsWith(PREFIX)) return undefined;
    const window = this.#currentWindow();
    for (const candidate of [window, window - 1, window + 1]) {
      const pair = this.#pairOf(candidate);
      if (isEqual(pair.path, target)) return pair.expectedBody;
    }
    return undefined;
  }

  #currentWindow(): number {
    return Math.floor(this.#clock.nowMs() / WINDOW_MS);
  }

  #pairOf(window: number): CanaryPair {
    return { path: `${PREFIX}${this.#tag(`ask ${window}`)}`, expectedBody: this.#tag(`answer ${window}`) };
  }

  #tag(message: string): string {
    return createHmac('sha256', this.#key).update(message).digest('base64url');
  }
}

function isEqual(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left, 'latin1'), Buffer.from(right, 'latin1')];
  return a.length === b.length && timingSafeEqual(a, b);
}
