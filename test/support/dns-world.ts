import { silentLog } from '../../src/core/log.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Catalogue, Plan, ResourceId, World } from '../../src/provision/contract.ts';
import {
  type EngineOptions,
  applyPlan,
  computePlan,
  destroyAll,
  undoLast,
} from '../../src/provision/engine.ts';
import { Journal } from '../../src/provision/journal.ts';

/** The engine with a journal of its own, for resources that need no relay. */
export class DnsWorld {
  readonly #journal = Journal.open(':memory:', 'x@relay');
  #catalogue: Catalogue = { resources: [], revive: () => undefined };

  use(catalogue: Catalogue): this {
    this.#catalogue = catalogue;
    return this;
  }

  async plan(...adopted: readonly ResourceId[]): Promise<Plan> {
    return computePlan(await this.#options(), new Set(adopted));
  }

  async apply(...adopted: readonly ResourceId[]): Promise<Plan> {
    const plan = await this.plan(...adopted);
    await applyPlan(await this.#options(), plan, new Set(adopted));
    return plan;
  }

  async undo(): ReturnType<typeof undoLast> {
    return undoLast(await this.#options());
  }

  async destroy(): ReturnType<typeof destroyAll> {
    return destroyAll(await this.#options());
  }

  async #options(): Promise<EngineOptions> {
    const journal = await this.#journal;
    return { home: 'mac', relay: 'test', catalogue: this.#catalogue, world: WORLD, journal };
  }
}

const noRelay = (): Promise<never> => Promise.reject(new Error('the DNS needs no relay'));

const WORLD: World = {
  relay: { shell: noRelay, connectAnew: noRelay, proveLink: noRelay },
  clock: systemClock,
  log: silentLog,
};
