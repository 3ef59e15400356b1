import { Argument, Command } from 'commander';
import { COMMANDS } from '../commands.ts';
import { type CompletionEntry, SHELLS, type Shell, renderCompletion } from '../completion-scripts.ts';
import { printResult } from '../output.ts';

/** `postern completion SHELL`: the text that makes a shell complete our commands and options. */
export function define(command: Command): void {
  command
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
Examples:
  postern completion bash > ~/.local/share/bash-completion/completions/postern
  postern completion zsh  > ~/.zfunc/_postern
  postern completion fish > ~/.config/fish/completions/postern.fish

For zsh, ~/.zshrc needs: fpath+=~/.zfunc; autoload -Uz compinit; compinit`;

async function run(shell: Shell): Promise<void> {
  printResult(renderCompletion(shell, await describeCommands()));
}

/** Every command with its options, by loading all of them: only this command does that. */
async function describeCommands(): Promise<CompletionEntry[]> {
  const entries: CompletionEntry[] = [];
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = new Command(name).description(summary);
    (await load()).define(command);
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
