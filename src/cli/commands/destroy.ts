import type { Command } from 'commander';
import { PosternError } from '../../core/errors/index.ts';
import { destroyAll } from '../../provision/engine.ts';
import { askYes } from '../ask.ts';
import { printNote, printResult } from '../output.ts';
import { type ProvisionOptions, addProvisionOptions, withEngine } from '../provisioning.ts';
import { renderLeft } from '../render-plan.ts';

interface Options extends ProvisionOptions {
  readonly packages?: boolean;
  readonly yes?: boolean;
}

/** `postern destroy`: everything of this home goes from the relay. */
export function define(command: Command): void {
  addProvisionOptions(command)
    .option('--packages', 'also the packages that postern apply installed')
    .option('--yes', 'do not ask')
    .action(run);
}

async function run(options: Options): Promise<void> {
  await withEngine(options, async (engine) => {
    const question = `Take everything of the home ${engine.home} off the relay ${engine.relay}?`;
    if (!options.yes && !(await askYes(question))) throw new PosternError('PROVISION_NOT_CONFIRMED');
    const left = await destroyAll(engine, { withPackages: options.packages === true });
    if (options.json) return printResult(JSON.stringify({ left }));
    for (const line of renderLeft(left)) printNote(line);
    printNote('Done: the relay is as it was found.');
  });
}
