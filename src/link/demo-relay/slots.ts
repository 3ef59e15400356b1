import type { Duplex } from 'node:stream';

/** A way home: what a bound socket of one ssh connection is on a real relay. */
export interface WayHome {
  /** Opens a connection through it. */
  open(callback: (error: Error | undefined, stream: Duplex | undefined) => void): void;
}

/**
 * Which ssh connection answers for which slot. Binding a slot takes it over at once, as `StreamLocalBindUnlink yes` does;
 * the end of an older connection leaves the newcomer's binding alone.
 */
export class SlotTable {
  readonly #ways = new Map<number, WayHome>();
  #turn = 0;

  bind(slot: number, way: WayHome): void {
    this.#ways.set(slot, way);
  }

  unbind(slot: number, way: WayHome): void {
    if (this.#ways.get(slot) === way) this.#ways.delete(slot);
  }

  /** Every way home once, beginning with the next one in turn. */
  inTurn(): readonly WayHome[] {
    const ways = [...this.#ways.values()];
    if (ways.length === 0) return ways;
    const first = this.#turn++ % ways.length;
    return [...ways.slice(first), ...ways.slice(0, first)];
  }
}
