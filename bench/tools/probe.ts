import { fileURLToPath } from 'node:url';
import { must } from '../../test/support/namespace.ts';
import type { Lab } from '../../test/support/relay.ts';

/** Path of a probe's program. */
export const probePath = (name: string): string =>
  fileURLToPath(new URL(`../probes/${name}.ts`, import.meta.url));

/** Runs a probe in the client's namespace to its end and returns what it printed last. */
export async function runProbe<T>(
  lab: Lab,
  name: string,
  argument: unknown,
  timeoutMs = 120_000,
): Promise<T> {
  const printed = await must(
    lab.run('client', process.execPath, [probePath(name), JSON.stringify(argument)], {
      timeoutMs,
      maxOutputBytes: 64 * 1024 * 1024,
    }),
  );
  return JSON.parse(printed.trim().split('\n').at(-1) ?? 'null') as T;
}
