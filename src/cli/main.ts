import { Command, CommanderError } from 'commander';
import { EXIT, PosternError } from '../core/errors/index.ts';
import { nearest } from '../core/nearest.ts';
import { printable } from '../core/printable.ts';
import { keepProcessAlive } from '../platform/clock.ts';
import { VERSION } from '../platform/version.ts';
import { COMMANDS } from './commands.ts';
import { endWhenNobodyReads, printError, printNote, printResult } from './output.ts';

/**
 * Runs one command line. Only the command that was asked for is loaded.
 * @param args what stands behind `postern`
 */
export async function main(args: readonly string[]): Promise<void> {
  endWhenNobodyReads();
  const release = keepProcessAlive();
  try {
    const program = await buildProgram(args);
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    process.exitCode = endOf(error, args);
  } finally {
    release();
  }
}

async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('postern')
    .description(
      'Reach what runs on your own machine from anywhere, through a server of your own that cannot read a byte.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .helpCommand(false)
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ showGlobalOptions: false, helpWidth: helpWidth() })
    .configureOutput({ writeOut: printResult, writeErr: printNote, outputError: () => {} })
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  const asked = args[0];
  for (const [name, entry] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(entry.summary).copyInheritedSettings(program);
    if (name === asked) (await entry.load()).define(command, COMMANDS);
  }
  if (asked !== undefined && !asked.startsWith('-') && !Object.hasOwn(COMMANDS, asked))
    throw unknownCommand(asked);
  return program.action(() => program.outputHelp());
}

const EXAMPLES = `
Examples:
  postern demo                       see it work, nothing set up
  postern users add NAME             who may sign in
  postern up                         publish what postern.yaml says
  postern status --watch             what is up, and why not

postern COMMAND --help tells more about each. Exit status: 0 fine, 1 failed,
2 changes pending, 64 usage, 69 unreachable, 77 denied.`;

function unknownCommand(asked: string): PosternError {
  const meant = nearest(asked, Object.keys(COMMANDS));
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new PosternError('CLI_UNKNOWN_COMMAND', { command: printable(asked, 40), hint });
}

/** Says how a command line ended that did not end well. @returns its exit status */
function endOf(error: unknown, args: readonly string[]): number {
  const asJson = args.includes('--json');
  if (!(error instanceof CommanderError)) return printError(error, asJson);
  // `--help` and `--version` have printed what was asked for.
  if (error.exitCode === 0) return EXIT.fine;
  // A command that needs a subcommand has printed its help.
  if (error.code === 'commander.help') return EXIT.usage;
  const reason = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const command = args[0] !== undefined && Object.hasOwn(COMMANDS, args[0]) ? args[0] : '';
  return printError(
    new PosternError('CLI_USAGE', { reason: printable(reason, 300), command }, error),
    asJson,
  );
}

/** 80 columns where nobody says otherwise, and never wider than can be read. */
function helpWidth(): number {
  return Math.min(process.stdout.columns ?? 80, 100);
}
