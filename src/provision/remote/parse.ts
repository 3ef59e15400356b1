import { PosternError } from '../../core/errors/index.ts';
import { printable } from '../../core/printable.ts';
import type { RemoteScript, Shell, ShellResult, ShellRunOptions } from './shell.ts';

/**
 * Runs a script that has to succeed.
 * @returns what it printed on stdout
 * @throws PROVISION_STEP_FAILED with the last line of its stderr
 */
export async function runStep(
  shell: Shell,
  script: RemoteScript,
  args: readonly string[] = [],
  options: ShellRunOptions = {},
): Promise<string> {
  const result = await shell.run(script, args, options);
  if (result.status !== 0) throw stepFailed(script, result);
  return result.stdout;
}

export function stepFailed(script: RemoteScript, { status, stderr }: ShellResult): PosternError {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const reason = printable(lines.at(-1) ?? `status ${status}`, 300);
  return new PosternError('PROVISION_STEP_FAILED', { step: script.name, reason });
}

/**
 * Output in sections, each behind a line `== NAME`. A relay that answers otherwise is not believed.
 * @throws PROVISION_SHELL_LOST when a section is missing
 */
export function readSections<const T extends string>(text: string, names: readonly T[]): Record<T, string> {
  const sections: Record<string, string[]> = {};
  let current: string[] | undefined;
  for (const line of text.split('\n')) {
    const name = /^== ([a-z0-9-]{1,40})$/.exec(line)?.[1];
    if (name !== undefined && (names as readonly string[]).includes(name)) current = sections[name] ??= [];
    else current?.push(line);
  }
  const missing = names.find((name) => sections[name] === undefined);
  if (missing !== undefined) {
    throw new PosternError('PROVISION_SHELL_LOST', { reason: `its answer has no ${missing}` });
  }
  return Object.fromEntries(names.map((name) => [name, (sections[name] ?? []).join('\n')])) as Record<
    T,
    string
  >;
}
