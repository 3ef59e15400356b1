import type { Command } from 'commander';
import { PosternError } from '../../core/errors/index.ts';
import { undoLast } from '../../provision/engine.ts';
import { askYes } from '../ask.ts';
import { printNote, printResult } from '../output.ts';
import { type ProvisionOptions, addProvisionOptions, withEngine } from '../provisioning.ts';
import { renderLeft } from '../render-plan.ts';

interface Options extends ProvisionOptions {
  readonly packages?: boolean;
  readonly yes?: boolean;
}

/** `postern undo`: takes the last apply back. */
export function define(command: Command): void {
  addProvisionOptions(command)
    .option('--packages', 'also the packages that it installed')
    .option('--yes', 'do not ask')
    .action(run);
}

async function run(options: Options): Promise<void> {
  await withEngine(options, async (engine) => {
    const last = engine.journal.lastRun();
    if (last === undefined) throw new PosternError('PROVISION_NOTHING_TO_UNDO');
    const resources = engine.journal.entries(last.id).map(({ resource }) => resource);
    const when = new Date(last.startedAtMs).toISOString();
    const cut = last.state === 'running' ? ' (it was interrupted)' : '';
    if (!options.json) printNote(`The last apply, ${when}${cut}: ${resources.join(', ')}`);
    if (!options.yes && !(await askYes('Take it back?'))) throw new PosternError('PROVISION_NOT_CONFIRMED');
    const left = await undoLast(engine, { withPackages: options.packages === true });
    if (options.json) return printResult(JSON.stringify({ undone: resources, left }));
    for (const line of renderLeft(left)) printNote(line);
    printNote('Done: the relay is as it was before.');
  });
}
