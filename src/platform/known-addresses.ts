import type { Clock } from '../core/clock.ts';
import { ownAddresses } from './own-addresses.ts';

/** Addresses change rarely, and asking the system takes tens of microseconds. */
const KEEP_MS = 10_000;

/**
 * Knows the addresses of this machine, at most 10 s late.
 * @returns is this text, an IP address in lower case, one of them?
 */
export function knowOwnAddresses(
  clock: Clock,
  read: () => readonly string[] = ownAddresses,
): (address: string) => boolean {
  let known = new Set<string>();
  let readAtMs = -Infinity;
  return (address) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - readAtMs >= KEEP_MS) {
      readAtMs = nowMs;
      known = new Set(read().map((one) => one.toLowerCase()));
    }
    return known.has(address);
  };
}
