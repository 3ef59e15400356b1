import type { Command } from 'commander';

/** A command's module: adds its options, help and action to the empty command it is given. */
export interface CommandModule {
  define(command: Command): void;
}

interface CommandEntry {
  readonly summary: string;
  load(): Promise<CommandModule>;
}

/** All commands, in the order in which the help shows them. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  'relay-files': {
    summary: 'Show the files and commands that the relay needs, to set it up by hand',
    load: () => import('./commands/relay-files.ts'),
  },
};
