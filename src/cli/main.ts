import { Command } from 'commander';
import { EXIT } from '../core/errors/index.ts';
import { COMMANDS } from './commands.ts';
import { printError } from './output.ts';

/**
 * Runs one command line. Only the command that was asked for is loaded.
 * @param args what stands behind `postern`
 */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command('postern')
    .description(
      'Reach what runs on your own machine from anywhere, through a server of your own that cannot read a byte.',
    )
    .helpCommand(false)
    .showHelpAfterError('(postern --help shows what there is)')
    .exitOverride((stop) => process.exit(stop.exitCode === 0 ? EXIT.fine : EXIT.usage));
  const asked = args.find((argument) => !argument.startsWith('-'));
  for (const [name, entry] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(entry.summary);
    if (name === asked) (await entry.load()).define(command);
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    process.exitCode = printError(error, args.includes('--json'));
  }
}
