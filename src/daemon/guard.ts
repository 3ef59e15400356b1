import type { Clock, Timer } from '../core/clock.ts';
import { PosternError, isPosternError } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';
import type { ServiceState } from '../edge/contract.ts';
import type { HealthCode } from './health/catalogue.ts';
import type { HealthTracker } from './health/tracker.ts';

/** What a look at a service says: it may be open, or why it must be shut. */
export type GuardFinding =
  | { readonly kind: 'open' }
  /** `retry`: it will mend by itself soon, such as a gateway that is starting. */
  | { readonly kind: 'shut'; readonly error: PosternError; readonly retry: boolean };

export interface GuardOptions {
  /** Names of the services that are looked at. */
  readonly services: readonly string[];
  readonly check: (serviceName: string) => Promise<GuardFinding>;
  readonly setState: (serviceName: string, state: ServiceState) => void;
  readonly health: HealthTracker;
  readonly clock: Clock;
  readonly log: Log;
}

/** A gateway's settings may change while it runs. */
export const GUARD_INTERVAL_MS = 600_000;
const RETRY_MS = 2000;
/** A service that is shut is looked at often: the operator has just mended it and waits. */
const SHUT_MS = 15_000;

const GUARD_CODES = [
  'GATEWAY_TRUSTS_STRANGERS',
  'GATEWAY_PROXY_UNTRUSTED',
  'GATEWAY_ANSWER_UNKNOWN',
  'GATEWAY_STARTING',
] as const satisfies readonly HealthCode[];

/**
 * Loopback trust: a service that takes strangers for its owner stays shut. Shut from the start, opened only by a
 * look that says so, looked at again every 10 minutes; an error of the look itself shuts it.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #states = new Map<string, ServiceState>();
  readonly #timers = new Map<string, Timer>();
  #isStopped = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    for (const name of options.services)
      this.#set(name, { open: false, reason: 'it has not been looked at yet' });
  }

  /** The first look at each service; later ones come by themselves. */
  async start(): Promise<void> {
    await Promise.all(this.#options.services.map((name) => this.#look(name)));
  }

  /** Services without a guard are open. */
  state(name: string): ServiceState {
    return this.#states.get(name) ?? { open: true };
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
  }

  /** A look out of turn. A service without a guard is open. */
  async lookNow(name: string): Promise<GuardFinding> {
    return this.#options.services.includes(name) ? this.#look(name) : { kind: 'open' };
  }

  async #look(name: string): Promise<GuardFinding> {
    const { clock } = this.#options;
    const finding = await this.#check(name);
    if (this.#isStopped) return finding;
    this.#timers.get(name)?.cancel();
    const delayMs = this.#take(name, finding);
    const timer = clock.after(delayMs, () => void this.#look(name));
    this.#timers.set(name, timer);
    return finding;
  }

  async #check(name: string): Promise<GuardFinding> {
    try {
      return await this.#options.check(name);
    } catch (thrown) {
      const error = isPosternError(thrown)
        ? thrown
        : new PosternError('INTERNAL', { reason: String(thrown) }, thrown);
      this.#options.log.warn({ error, service: name }, 'the guard could not look');
      return { kind: 'shut', error, retry: true };
    }
  }

  /** @returns when to look again */
  #take(name: string, finding: GuardFinding): number {
    const { health } = this.#options;
    const error = finding.kind === 'shut' ? finding.error : undefined;
    for (const code of GUARD_CODES) {
      if (code === error?.code) health.report(code, name, error.details);
      else health.clear(code, name);
    }
    if (finding.kind === 'open') {
      this.#set(name, { open: true });
      return GUARD_INTERVAL_MS;
    }
    this.#set(name, { open: false, reason: finding.error.message });
    return finding.retry ? RETRY_MS : SHUT_MS;
  }

  #set(name: string, state: ServiceState): void {
    const before = this.#states.get(name);
    this.#states.set(name, state);
    this.#options.setState(name, state);
    if (before && before.open !== state.open) {
      this.#options.log.info({ service: name, ...state }, state.open ? 'service opened' : 'service shut');
    }
  }
}
