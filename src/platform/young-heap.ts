import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8's young generation grow again, as it does by default. `bin/postern.js` forbids that while a daemon starts: what
 * is read and compiled then would make it grow to what the busiest daemon needs, and it never gives that back.
 */
export function letYoungHeapGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
