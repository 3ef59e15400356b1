import { createHash } from 'node:crypto';
import type { Json } from './contract.ts';

/** The same text for equal values, whatever the order of their keys; a key without a value counts as missing. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonical(item)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item as Json)}`).join(',')}}`;
}

export function isSameState(one: Json, other: Json): boolean {
  return canonical(one) === canonical(other);
}

/** What a plan holds instead of a state. */
export function fingerprintOf(state: Json): string {
  return createHash('sha256').update(canonical(state)).digest('hex');
}
