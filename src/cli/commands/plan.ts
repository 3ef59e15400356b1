import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT } from '../../core/errors/index.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import { computePlan } from '../../provision/engine.ts';
import { printNote, printResult } from '../output.ts';
import { paintFor } from '../paint.ts';
import { type ProvisionOptions, addProvisionOptions, withEngine } from '../provisioning.ts';
import { renderPlan } from '../render-plan.ts';

interface Options extends ProvisionOptions {
  readonly save?: string;
}

/** `postern plan`: what `apply` would change. Changes nothing. */
export function define(command: Command): void {
  addProvisionOptions(command)
    .option('--save <file>', 'write the plan down, for postern apply FILE')
    .addHelpText('after', '\nExit status 2 means that changes are pending, 0 that there are none.')
    .action(run);
}

async function run(options: Options): Promise<void> {
  const plan = await withEngine(options, computePlan);
  if (options.save !== undefined) {
    const path = resolve(options.save);
    await writeFileAtomically(path, `${JSON.stringify(plan, null, 2)}\n`, 0o600);
    printNote(`Saved: postern apply ${options.save}`);
  }
  if (options.json) printResult(JSON.stringify(plan, null, 2));
  else printResult(renderPlan(plan, paintFor(process.stdout, process.env)));
  const isPending = plan.changes.length + plan.blocked.length > 0;
  if (isPending) process.exitCode = EXIT.changesPending;
}
