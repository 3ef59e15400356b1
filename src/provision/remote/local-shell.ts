import type { Clock } from '../../core/clock.ts';
import { PosternError } from '../../core/errors/index.ts';
import { openProcessShell } from './process-shell.ts';
import type { Shell } from './shell.ts';

/** The same protocol with a shell of this machine: for what is to be done at home, and for tests. */
export async function openLocalShell(
  clock: Clock,
  command: readonly string[] = ['sh', '-s'],
): Promise<Shell> {
  const [file = 'sh', ...args] = command;
  const { shell } = await openProcessShell({
    command: [file, ...args],
    clock,
    openTimeoutMs: 10_000,
    explainEnd: (end, stderr) =>
      new PosternError('PROVISION_SHELL_LOST', { reason: end.startError ?? (stderr.trim() || 'it ended') }),
  });
  return shell;
}
