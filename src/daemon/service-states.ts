import type { ServiceState } from '../edge/contract.ts';

/** Who may shut a service. */
export type Keeper = 'guard' | 'login';

/** A service is open when none of its keepers has shut it; so one of them opens nothing that another has shut. */
export class ServiceStates {
  readonly #reasons = new Map<string, Map<Keeper, string>>();
  readonly #apply: (serviceName: string, state: ServiceState) => void;

  constructor(apply: (serviceName: string, state: ServiceState) => void) {
    this.#apply = apply;
  }

  set(keeper: Keeper, serviceName: string, state: ServiceState): void {
    const reasons = this.#reasons.get(serviceName) ?? new Map<Keeper, string>();
    this.#reasons.set(serviceName, reasons);
    if (state.open) reasons.delete(keeper);
    else reasons.set(keeper, state.reason);
    this.#apply(serviceName, this.of(serviceName));
  }

  of(serviceName: string): ServiceState {
    const [reason] = this.#reasons.get(serviceName)?.values() ?? [];
    return reason === undefined ? { open: true } : { open: false, reason };
  }
}
