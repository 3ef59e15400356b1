import type { Command } from 'commander';

/** A command's module: adds its options, help and action to the empty command it is given. */
export interface CommandModule {
  /** @param commands all commands, for the one that lists them */
  define(command: Command, commands: CommandTable): void;
}

export interface CommandEntry {
  readonly summary: string;
  load(): Promise<CommandModule>;
}

export type CommandTable = Readonly<Record<string, CommandEntry>>;
