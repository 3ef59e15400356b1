import { PosternError } from '../core/errors/index.ts';
import type { Catalogue, Json, Observed, Plan, Resource, ResourceId, World } from './contract.ts';
import type { Journal } from './journal.ts';
import { type Seen, judge, makePlan, orderByNeed } from './plan.ts';
import { fingerprintOf, isSameState } from './state.ts';

/** What every command that changes the world works with. */
export interface EngineOptions {
  readonly home: string;
  readonly relay: string;
  readonly catalogue: Catalogue;
  readonly world: World;
  readonly journal: Journal;
  /** Told before and after each step. */
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * `written`  the journal holds the change, nothing has been touched
 * `put`      it is done and checked
 * `done`     the journal knows that it is done
 */
export interface Progress {
  readonly phase: 'written' | 'put' | 'done';
  readonly resource: ResourceId;
  readonly what: string;
  readonly index: number;
  readonly count: number;
}

/** Looks at everything and compares. Changes nothing. */
export async function computePlan(
  options: EngineOptions,
  adopted: ReadonlySet<ResourceId> = new Set(),
): Promise<Plan> {
  const { home, relay } = options;
  return makePlan({ home, relay, seen: await lookAtAll(options), adopted });
}

async function lookAtAll({ catalogue, journal, world }: EngineOptions): Promise<readonly Seen[]> {
  const owned = journal.owned();
  const seen: Seen[] = [];
  for (const resource of catalogue.resources) {
    seen.push({ resource, observed: await resource.observe(world), isOwned: owned.has(resource.id) });
  }
  const wanted = new Set(catalogue.resources.map(({ id }) => id));
  for (const [id, original] of owned) {
    const resource = wanted.has(id) ? undefined : catalogue.revive(id);
    if (resource === undefined) continue;
    seen.push({ resource, observed: await resource.observe(world), isOwned: true, retiredTo: original });
  }
  return seen;
}

/**
 * Does what the plan says, one change after the other, each written into the journal first.
 * @param plan as it was shown; computed by `computePlan` with the same `adopted`
 * @throws PROVISION_BLOCKED before the first change, PROVISION_NOT_AS_WANTED, and the errors of the steps
 */
export async function applyPlan(
  options: EngineOptions,
  plan: Plan,
  adopted: ReadonlySet<ResourceId> = new Set(),
): Promise<void> {
  const { journal, world, catalogue } = options;
  if (plan.blocked.length > 0) throw blocked(plan.blocked.map(({ resource }) => resource));
  if (plan.changes.length === 0 && journal.lastRun()?.state !== 'running') return;
  const release = await journal.hold();
  try {
    const run = journal.beginRun(world.clock.nowMs());
    const owned = journal.owned();
    for (const [index, { resource: id, before }] of plan.changes.entries()) {
      const wanted = catalogue.resources.find((one) => one.id === id);
      const resource = wanted ?? catalogue.revive(id);
      if (resource === undefined) continue;
      const retiredTo = wanted === undefined ? owned.get(id) : undefined;
      const tell = tellerOf(options, resource, index, plan.changes.length);
      await applyOne({ options, run, resource, shown: before, retiredTo, adopted, tell });
    }
    journal.endRun(run);
  } finally {
    release();
  }
}

interface Step {
  readonly options: EngineOptions;
  readonly run: number;
  readonly resource: Resource;
  /** The fingerprint of what the plan saw there. */
  readonly shown: string;
  readonly retiredTo: Json | undefined;
  readonly adopted: ReadonlySet<ResourceId>;
  readonly tell: (phase: Progress['phase']) => void;
}

async function applyOne({ options, run, resource, shown, retiredTo, adopted, tell }: Step): Promise<void> {
  const { journal, world } = options;
  const observed = await resource.observe(world);
  const isOwned = journal.owned().has(resource.id);
  const seen = { resource, observed, isOwned, ...(retiredTo === undefined ? {} : { retiredTo }) };
  const verdict = judge(seen, adopted);
  if (verdict.kind === 'blocked') throw blocked([resource.id]);
  if (verdict.kind !== 'change') return;
  // Taken over is what somebody has looked at and agreed to, nothing that came since.
  if (verdict.action === 'adopt' && fingerprintOf(observed.state) !== shown) {
    throw new PosternError('PROVISION_PLAN_STALE', { resources: resource.id });
  }
  const original = originalOf(resource, observed);
  journal.start(run, {
    resource: resource.id,
    before: observed.state,
    after: verdict.target,
    original,
    isAdopted: verdict.action === 'adopt',
  });
  tell('written');
  await putAndCheck(world, resource, { state: verdict.target, from: observed.state });
  tell('put');
  journal.finish(run, resource.id);
  if (retiredTo !== undefined) journal.disown(resource.id);
  tell('done');
}

function originalOf(resource: Resource, firstSeen: Observed): Json {
  if (resource.original) return resource.original(firstSeen);
  return firstSeen.ownership === 'foreign' ? firstSeen.state : resource.absent;
}

async function putAndCheck(
  world: World,
  resource: Resource,
  target: { state: Json; from: Json },
): Promise<void> {
  await resource.put(world, target);
  const { state } = await resource.observe(world);
  if (!isSameState(state, target.state)) {
    throw new PosternError('PROVISION_NOT_AS_WANTED', { resource: resource.id });
  }
}

/** What `undo` or `destroy` leaves as it is, and why. */
export interface LeftBehind {
  readonly resource: ResourceId;
  readonly what: string;
  readonly reason: 'stays' | 'foreign' | 'unknown';
}

export interface TakeBackOptions {
  /** Packages go as well. */
  readonly withPackages?: boolean;
}

/**
 * Takes the last apply back, an interrupted one too: the other way round, each resource as it was before.
 * @throws PROVISION_NOTHING_TO_UNDO, PROVISION_UNDO_CHANGED before the first change
 */
export async function undoLast(
  options: EngineOptions,
  { withPackages = false }: TakeBackOptions = {},
): Promise<readonly LeftBehind[]> {
  const { journal, world } = options;
  const run = journal.lastRun();
  if (run === undefined) throw new PosternError('PROVISION_NOTHING_TO_UNDO');
  const release = await journal.hold();
  try {
    const entries = journal.entries(run.id).filter(({ state }) => state !== 'undone');
    const known = entries.flatMap((entry) => {
      const resource = findResource(options, entry.resource);
      return resource === undefined ? [] : [{ resource, before: entry.before }];
    });
    await refuseForeignHands(world, known);
    const left: LeftBehind[] = [];
    for (const [index, { resource, before }] of known.toReversed().entries()) {
      const tell = tellerOf(options, resource, index, known.length);
      const isLeft = resource.staysBehind === true && !withPackages;
      if (isLeft) left.push(leave(resource, 'stays'));
      else await putBack(world, resource, before, tell);
      journal.markUndone(run.id, resource.id, { isStillOurs: isLeft });
      tell('done');
    }
    journal.markRunUndone(run.id);
    return left;
  } finally {
    release();
  }
}

interface Wanted {
  readonly resource: Resource;
  readonly before: Json;
}

/** What somebody else has put in the place of ours since is theirs. */
async function refuseForeignHands(world: World, wanted: readonly Wanted[]): Promise<void> {
  const changed: ResourceId[] = [];
  for (const { resource, before } of wanted) {
    if (resource.staysBehind) continue;
    const { state, ownership } = await resource.observe(world);
    if (ownership === 'foreign' && !isSameState(state, before)) changed.push(resource.id);
  }
  if (changed.length > 0) throw new PosternError('PROVISION_UNDO_CHANGED', { resources: changed.join(', ') });
}

async function putBack(
  world: World,
  resource: Resource,
  before: Json,
  tell: (phase: Progress['phase']) => void,
): Promise<void> {
  const { state } = await resource.observe(world);
  tell('written');
  if (!isSameState(state, before)) await resource.put(world, { state: before, from: state });
  tell('put');
}

/**
 * Takes everything of ours away: what was there before is there again. What is not marked ours and not in the
 * journal is not touched.
 */
export async function destroyAll(
  options: EngineOptions,
  { withPackages = false }: TakeBackOptions = {},
): Promise<readonly LeftBehind[]> {
  const { journal, world, catalogue } = options;
  const release = await journal.hold();
  try {
    const owned = journal.owned();
    const revived = [...owned.keys()].flatMap((id) => findResource(options, id) ?? []);
    const all = [...new Map([...catalogue.resources, ...revived].map((one) => [one.id, one])).values()];
    const order = orderByNeed(all, (one) => one).toReversed();
    const left: LeftBehind[] = [];
    for (const [index, resource] of order.entries()) {
      const tell = tellerOf(options, resource, index, order.length);
      const reason = await destroyOne({
        world,
        resource,
        original: owned.get(resource.id),
        withPackages,
        tell,
      });
      if (reason !== undefined) left.push(leave(resource, reason));
      if (reason !== 'stays') journal.disown(resource.id);
      tell('done');
    }
    journal.closeAllRuns();
    return left;
  } finally {
    release();
  }
}

interface Destruction {
  readonly world: World;
  readonly resource: Resource;
  readonly original: Json | undefined;
  readonly withPackages: boolean;
  readonly tell: (phase: Progress['phase']) => void;
}

async function destroyOne(step: Destruction): Promise<LeftBehind['reason'] | undefined> {
  const { world, resource, original, withPackages, tell } = step;
  const observed = await resource.observe(world);
  if (observed.ownership === 'absent' && (original === undefined || isSameState(original, observed.state)))
    return;
  if (resource.staysBehind) {
    if (original === undefined) return;
    if (!withPackages) return 'stays';
  } else if (observed.ownership === 'foreign') {
    return original === undefined || isSameState(observed.state, original) ? undefined : 'foreign';
  }
  const target = original ?? originalOf(resource, observed);
  tell('written');
  if (!isSameState(observed.state, target))
    await resource.put(world, { state: target, from: observed.state });
  tell('put');
  return undefined;
}

function leave({ id, what }: Resource, reason: LeftBehind['reason']): LeftBehind {
  return { resource: id, what, reason };
}

function findResource({ catalogue }: EngineOptions, id: ResourceId): Resource | undefined {
  return catalogue.resources.find((one) => one.id === id) ?? catalogue.revive(id);
}

function tellerOf(
  { onProgress }: EngineOptions,
  { id, what }: Resource,
  index: number,
  count: number,
): (phase: Progress['phase']) => void {
  return (phase) => onProgress?.({ phase, resource: id, what, index: index + 1, count });
}

function blocked(resources: readonly ResourceId[]): PosternError {
  return new PosternError('PROVISION_BLOCKED', { count: resources.length, resources: resources.join(', ') });
}
