import type { Clock, Timer } from '../core/clock.ts';
import type { Target } from '../edge/contract.ts';
import { whyUnreachable } from '../platform/reach.ts';
import type { HealthTracker } from './health/tracker.ts';

export interface WatchedService {
  readonly name: string;
  readonly target: Target;
  /** As in the configuration. */
  readonly to: string;
}

export interface ServiceWatchOptions {
  readonly services: readonly WatchedService[];
  readonly health: HealthTracker;
  readonly clock: Clock;
}

const INTERVAL_MS = 10_000;
const TIMEOUT_MS = 3000;

/**
 * Does each service accept connections at home? Only that: a request would stand in its log every time.
 */
export class ServiceWatch {
  readonly #options: ServiceWatchOptions;
  readonly #reasons = new Map<string, string | undefined>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: ServiceWatchOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { services, clock } = this.#options;
    await Promise.all(services.map((service) => this.#look(service)));
    if (!this.#isStopped) this.#timer = clock.after(INTERVAL_MS, () => void this.start());
  }

  /** Why a service accepts no connections; `undefined` when it does. */
  whyDown(name: string): string | undefined {
    return this.#reasons.get(name);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #look({ name, target, to }: WatchedService): Promise<void> {
    const address = target.kind === 'unix' ? { path: target.path } : { host: target.host, port: target.port };
    const reason = await whyUnreachable(address, TIMEOUT_MS);
    if (this.#isStopped) return;
    this.#reasons.set(name, reason);
    if (reason === undefined) this.#options.health.clear('EDGE_SERVICE_DOWN', name);
    else this.#options.health.report('EDGE_SERVICE_DOWN', name, { service: name, target: to });
  }
}
