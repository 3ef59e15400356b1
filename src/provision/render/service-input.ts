import { createHash } from 'node:crypto';
import { PosternError } from '../../core/errors/index.ts';

/** What a service file is made from. No secret is among it, and none gets into such a file. */
export interface ServiceInput {
  /** `serviceName(…)`. */
  readonly name: string;
  /** Absolute path of Node's program. */
  readonly node: string;
  /** Absolute path of `bin/postern.js`. */
  readonly program: string;
  /** What stands behind it: `up`, and perhaps `--config FILE`. */
  readonly arguments: readonly string[];
  /** Postern's folder, absolute: also the working directory. */
  readonly root: string;
  /** Where a manager that keeps no journal writes what the program prints. */
  readonly logFile: string;
  /** Variables that the program is to see, besides what the manager gives. */
  readonly environment: Readonly<Record<string, string>>;
  /** The account, as Windows names it: `MACHINE\name`. Used by the Task Scheduler alone. */
  readonly account: string;
}

/** Stands in every file of ours; a file without it is not ours. */
export const SERVICE_MARK = 'Made by Postern. Taken away by: postern service uninstall';

/** How long the program may take to end: the longest `limits.drainMs` that is usual, and some more. */
export const STOP_SECONDS = 45;
/** Between an end and the next start. */
export const RESTART_SECONDS = 5;
/** Each visitor holds up to three of them. */
export const OPEN_FILES = 8192;

/** `postern`; a folder elsewhere than in `~/.postern` has a name of its own, so that two homes get on. */
export function serviceName(root: string, usualRoot: string): string {
  if (root === usualRoot) return 'postern';
  return `postern-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`;
}

/**
 * Refuses a value with which a service file could not be right.
 * @param unsafe what must not be in it, besides control characters
 * @throws SERVICE_VALUE_UNSAFE
 */
export function refuseUnsafe(manager: string, field: string, value: string, unsafe?: RegExp): void {
  // eslint-disable-next-line no-control-regex
  if (!/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/.test(value) && value.isWellFormed() && !unsafe?.test(value))
    return;
  throw new PosternError('SERVICE_VALUE_UNSAFE', { manager, field, value: JSON.stringify(value) });
}

/** Every text of the input, with a name for errors. */
export function textsOf(input: ServiceInput): readonly (readonly [field: string, value: string])[] {
  return [
    ['path of Node', input.node],
    ["path of Postern's program", input.program],
    ...input.arguments.map((argument) => ['argument', argument] as const),
    ['path of the folder', input.root],
    ['path of the log', input.logFile],
    ['name of the account', input.account],
    ...Object.entries(input.environment).map(([name, value]) => [`value of ${name}`, value] as const),
  ];
}
