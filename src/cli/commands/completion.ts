import { Argument, Command } from 'commander';
import type { CommandTable } from '../command-table.ts';
import { type CompletionEntry, SHELLS, type Shell, renderCompletion } from '../completion-scripts.ts';
import { printResult } from '../output.ts';

/** `postern completion SHELL`: the text that makes a shell complete our commands and options. */
export function define(command: Command, commands: CommandTable): void {
  command
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action(async (shell: Shell) => printResult(renderCompletion(shell, await describeCommands(commands))));
}

const HELP = `
Examples:
  postern completion bash > ~/.local/share/bash-completion/completions/postern
  postern completion zsh  > ~/.zfunc/_postern
  postern completion fish > ~/.config/fish/completions/postern.fish

For zsh, ~/.zshrc needs: fpath+=~/.zfunc; autoload -Uz compinit; compinit`;

/** Every command with its options, by loading all of them: only this command does that. */
async function describeCommands(commands: CommandTable): Promise<CompletionEntry[]> {
  const entries: CompletionEntry[] = [];
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = new Command(name).description(summary);
    (await load()).define(command, commands);
    entries.push(describe(command, []));
  }
  return entries;
}

function describe(command: Command, parents: readonly string[]): CompletionEntry {
  const path = [...parents, command.name()];
  return {
    path,
    summary: command.description(),
    options: [...command.options.map(({ long, short }) => long ?? short ?? ''), '--help'],
    values: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    children: command.commands.map((child) => describe(child, path)),
  };
}
