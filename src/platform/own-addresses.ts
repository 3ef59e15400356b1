import { networkInterfaces } from 'node:os';

/** Addresses under which other machines can reach this one: not loopback, not link-local (those need a zone). */
export function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outer = all.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
  return [...new Set(outer.map(({ address }) => address))];
}
