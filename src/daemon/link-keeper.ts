import { type Clock, type Timer, sleep } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { ConnectionStatus, Link } from '../link/contract.ts';
import type { HealthTracker } from './health/tracker.ts';
import { watchLinkHealth } from './link-health.ts';

export interface LinkKeeperOptions {
  /** Makes and starts a pool. @param onPassed called when a request has come in through a connection of that slot */
  readonly makeLink: (onPassed: (slot: number) => void) => Link;
  readonly connections: number;
  /** As the operator knows it. */
  readonly relay: string;
  readonly health: HealthTracker;
  readonly clock: Clock;
  readonly log: Log;
  readonly onChange: () => void;
}

interface Pool {
  readonly link: Link;
  readonly passed: Set<number>;
  readonly unwatch: () => void;
  /** Why it will not come up by itself. */
  refusal: Error | undefined;
}

/** A new pool that has carried nothing in this time has failed. */
const THROUGH_MS = 30_000;
/** After the first connection has carried a request, the others get this long. */
const OTHERS_MS = 5000;
/** A successor that says nothing more for this long is gone. */
const LEASE_MS = 60_000;
const LOOK_MS = 50;

/** The daemon's link, and what happens to it when another daemon takes over or fails to. */
export class LinkKeeper {
  readonly #options: LinkKeeperOptions;
  #pool: Pool | undefined;
  #hold: { readonly release: () => void; readonly lease: Timer } | undefined;
  #renewal: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: LinkKeeperOptions) {
    this.#options = options;
  }

  /** @throws when it was stopped already */
  start(): void {
    if (this.#isStopped) throw new Error('it was stopped');
    this.#pool = this.#makePool();
  }

  status(): readonly ConnectionStatus[] {
    return this.#pool?.link.status() ?? [];
  }

  /**
   * Resolves when every connection has carried a request, or one has and the others had 5 s.
   * @throws the refusal of ssh, or an error when nothing came through within 30 s
   */
  waitThrough(): Promise<void> {
    return this.#pool ? this.#waitThrough(this.#pool) : Promise.resolve();
  }

  /** A successor comes: no new ssh from now on, for a minute at most. */
  hold(): void {
    if (this.#hold || !this.#pool) return;
    const lease = this.#options.clock.after(LEASE_MS, () => this.release());
    this.#hold = { release: this.#pool.link.hold(), lease };
  }

  /** The successor failed. It may have taken the names on the relay with it, so all connections are made anew. */
  release(): void {
    const hold = this.#hold;
    if (!hold) return;
    hold.lease.cancel();
    this.#hold = undefined;
    this.#renewal = this.#renew(hold.release);
  }

  /** No new ssh any more, what is up stays. */
  freeze(): void {
    this.#hold?.lease.cancel();
    this.#pool?.link.hold();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#hold?.lease.cancel();
    await this.#renewal;
    if (this.#pool) await endPool(this.#pool);
  }

  #makePool(): Pool {
    const { makeLink, health, relay, onChange } = this.#options;
    const passed = new Set<number>();
    const link = makeLink((slot) => passed.add(slot));
    const unwatchHealth = watchLinkHealth(link, health, relay);
    const unwatchEvents = link.onEvent(onChange);
    const pool: Pool = {
      link,
      passed,
      refusal: undefined,
      unwatch: () => {
        unwatchHealth();
        unwatchEvents();
      },
    };
    link.ready.catch((error: unknown) => {
      pool.refusal = error instanceof Error ? error : new Error(String(error));
    });
    return pool;
  }

  async #waitThrough(pool: Pool): Promise<void> {
    const { clock, connections } = this.#options;
    const startMs = clock.monotonicMs();
    let firstMs: number | undefined;
    for (;;) {
      const nowMs = clock.monotonicMs();
      if (pool.passed.size >= connections) return;
      if (pool.passed.size > 0) firstMs ??= nowMs;
      if (firstMs !== undefined && nowMs - firstMs >= OTHERS_MS) return;
      if (pool.refusal) throw pool.refusal;
      if (this.#isStopped) throw new Error('it was stopped');
      if (nowMs - startMs >= THROUGH_MS) throw new Error(`nothing came through in ${THROUGH_MS / 1000} s`);
      await sleep(clock, LOOK_MS);
    }
  }

  /** New before old, within one daemon. A new pool that does not get through leaves the old one in its place. */
  async #renew(releaseOld: () => void): Promise<void> {
    const old = this.#pool;
    if (!old || this.#isStopped) return;
    const renewed = this.#makePool();
    try {
      await this.#waitThrough(renewed);
      this.#pool = renewed;
      await endPool(old);
    } catch (error) {
      this.#options.log.warn({ error }, 'the connections could not be made anew');
      await endPool(renewed);
      releaseOld();
    }
    this.#options.onChange();
  }
}

async function endPool({ link, unwatch }: Pool): Promise<void> {
  unwatch();
  await link.stop();
}
