import { type ChildHandle, type SpawnOptions, spawnProcess } from '../../src/platform/processes.ts';

/**
 * Starts a program that the kernel ends with us, however we end (setpriv(1), PR_SET_PDEATHSIG): a test run that is
 * killed leaves nothing behind. Its process number is the program's own.
 */
export function spawnTied(file: string, args: readonly string[], options?: SpawnOptions): ChildHandle {
  return spawnProcess('setpriv', ['--pdeathsig', 'TERM', '--', file, ...args], options);
}
