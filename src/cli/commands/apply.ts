import type { Command } from 'commander';
import { PosternError } from '../../core/errors/index.ts';
import { readBoundedFile } from '../../platform/files.ts';
import type { Plan } from '../../provision/contract.ts';
import { type EngineOptions, applyPlan, computePlan } from '../../provision/engine.ts';
import { findStale } from '../../provision/plan.ts';
import { readSavedPlan } from '../../provision/saved-plan.ts';
import { askYes } from '../ask.ts';
import { printNote, printResult } from '../output.ts';
import { paintFor } from '../paint.ts';
import { type ProvisionOptions, addProvisionOptions, withEngine } from '../provisioning.ts';
import { renderPlan } from '../render-plan.ts';

interface Options extends ProvisionOptions {
  readonly adopt: readonly string[];
  readonly yes?: boolean;
}

/** `postern apply`: makes the relay be as postern.yaml says. */
export function define(command: Command): void {
  addProvisionOptions(command)
    .argument('[planfile]', 'a plan of postern plan --save; refused when the world has changed since')
    .option('--adopt <resource...>', "take over what is there and not Postern's; a copy is kept", [])
    .option('--yes', 'do not ask')
    .action(run);
}

async function run(planFile: string | undefined, options: Options): Promise<void> {
  await withEngine(options, async (engine) => {
    const adopted = adoptedOf(engine, options.adopt);
    const saved = planFile === undefined ? undefined : await readPlanFile(planFile, engine);
    const plan = await computePlan(engine, adopted);
    if (saved !== undefined) refuseStale(saved, plan);
    if (!options.json) printNote(renderPlan(plan, paintFor(process.stderr, process.env)));
    if (plan.blocked.length === 0 && plan.changes.length > 0 && saved === undefined) await confirm(options);
    await applyPlan(engine, plan, adopted);
    if (options.json) printResult(JSON.stringify({ applied: plan.changes.map(({ resource }) => resource) }));
    else printNote(plan.changes.length === 0 ? 'Nothing to do.' : 'Done. postern undo takes it back.');
  });
}

function adoptedOf({ catalogue }: EngineOptions, names: readonly string[]): ReadonlySet<string> {
  const unknown = names.find((name) => !catalogue.resources.some(({ id }) => id === name));
  if (unknown !== undefined) throw new PosternError('PROVISION_RESOURCE_UNKNOWN', { resource: unknown });
  return new Set(names);
}

async function readPlanFile(path: string, { home, relay }: EngineOptions): Promise<Plan> {
  const read = await readBoundedFile(path, { followLink: true });
  if (!read.ok) throw new PosternError('PROVISION_PLAN_UNREADABLE', { path, reason: read.reason });
  return readSavedPlan(path, read.file.bytes.toString('utf8'), { home, relay });
}

function refuseStale(saved: Plan, now: Plan): void {
  const stale = findStale(saved, now);
  if (stale.length > 0) throw new PosternError('PROVISION_PLAN_STALE', { resources: stale.join(', ') });
}

async function confirm({ yes }: Options): Promise<void> {
  if (yes || (await askYes('Change this on the relay?'))) return;
  throw new PosternError('PROVISION_NOT_CONFIRMED');
}
