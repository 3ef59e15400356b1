import fc from 'fast-check';
import { expect, test } from 'vitest';
import { silentLog } from '../core/log.ts';
import { type ProcessIdentity, identifyProcess, spawnProcess } from '../platform/processes.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { Json, Observed, Ownership, RelayAccess, Resource } from './contract.ts';
import { type EngineOptions, applyPlan, computePlan, destroyAll, undoLast } from './engine.ts';
import { Journal } from './journal.ts';
import { findStale, orderByNeed } from './plan.ts';

/** A world in memory: what is where, and whose it is. */
interface Thing {
  state: Json;
  ownership: Ownership;
}
type Things = Map<string, Thing>;

const ABSENT: Thing = { state: null, ownership: 'absent' };
const relay: RelayAccess = {
  shell: () => Promise.reject(new Error('no relay here')),
  connectAnew: () => Promise.reject(new Error('no relay here')),
  proveLink: () => Promise.reject(new Error('no relay here')),
};

function resourceIn(
  things: Things,
  id: string,
  desired: Json,
  dependsOn: readonly string[],
  log: string[] = [],
): Resource {
  return {
    id,
    place: 'relay',
    what: id,
    why: 'a test',
    dependsOn,
    desired,
    absent: null,
    observe: async (): Promise<Observed> => things.get(id) ?? ABSENT,
    put: async (_world, { state }) => {
      log.push(id);
      // What is put back may be the owner's own: the world knows by its content.
      const isOwners = typeof state === 'string' && state.startsWith('owner');
      things.set(id, state === null ? ABSENT : { state, ownership: isOwners ? 'foreign' : 'ours' });
    },
    describe: () => [],
  };
}

async function engineOf(resources: readonly Resource[], journal?: Journal): Promise<EngineOptions> {
  return {
    home: 'x',
    relay: 'r:22',
    catalogue: { resources, revive: (id) => resources.find((one) => one.id === id) },
    world: { relay, clock: new FakeClock(), log: silentLog },
    journal: journal ?? (await Journal.open(':memory:', 'x@r')),
  };
}

/** Resources that need only earlier ones, given in any order, in a world where some are there already. */
const worlds = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat({ max: 20 }), { maxLength: 3 }),
      there: fc.constantFrom('nothing', 'equal', 'owner', 'ours'),
      rank: fc.nat(),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((specs) =>
    specs.map(({ needs, there, rank }, index) => ({
      id: `r${index}`,
      needs: needs.filter((need) => need < index).map((need) => `r${need}`),
      there,
      rank,
    })),
  );

function build(
  specs: readonly { id: string; needs: string[]; there: string; rank: number }[],
  log: string[] = [],
) {
  const things: Things = new Map();
  for (const { id, there } of specs) {
    if (there === 'equal') things.set(id, { state: `want ${id}`, ownership: 'foreign' });
    if (there === 'owner') things.set(id, { state: `owner ${id}`, ownership: 'foreign' });
    if (there === 'ours') things.set(id, { state: `old ${id}`, ownership: 'ours' });
  }
  const resources = specs
    .toSorted((one, other) => one.rank - other.rank)
    .map(({ id, needs }) => resourceIn(things, id, `want ${id}`, needs, log));
  return { things, resources };
}

const snapshot = (things: Things): string =>
  [...things]
    .filter(([, { state }]) => state !== null)
    .map((entry) => JSON.stringify(entry))
    .toSorted()
    .join('\n');
const same = (things: Things, before: string): void => expect(snapshot(things)).toBe(before);
const refused = (work: Promise<unknown>, code: string): Promise<unknown> =>
  expect(work).rejects.toMatchObject({ code });
/** An apply without changes leaves nothing to undo. */
async function undoWhatThereIs(engine: EngineOptions): Promise<void> {
  if (engine.journal.lastRun() !== undefined) await undoLast(engine);
}
async function untilKilled(work: Promise<void>): Promise<void> {
  await work.catch((error: Error) => {
    if (error.message !== 'killed') throw error;
  });
}
const owners = (specs: readonly { id: string; there: string }[]): Set<string> =>
  new Set(specs.filter(({ there }) => there === 'owner').map(({ id }) => id));

test('a plan after an apply is empty; undo and destroy bring back what was there; what is not ours is never touched', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (specs) => {
      const log: string[] = [];
      const { things, resources } = build(specs, log);
      const before = snapshot(things);
      const engine = await engineOf(resources);
      const adopted = owners(specs);
      const plain = await computePlan(engine);
      expect(new Set(plain.blocked.map(({ resource }) => resource))).toEqual(adopted);
      if (adopted.size > 0) await refused(applyPlan(engine, plain), 'PROVISION_BLOCKED');
      if (adopted.size > 0) same(things, before);
      await applyPlan(engine, await computePlan(engine, adopted), adopted);
      const again = await computePlan(engine);
      expect([again.changes, again.blocked]).toEqual([[], []]);
      await undoWhatThereIs(engine);
      expect(snapshot(things)).toBe(before);
      await applyPlan(engine, await computePlan(engine, adopted), adopted);
      await destroyAll(engine);
      const left = new Map(
        [...things].filter(([id]) => specs.find((one) => one.id === id)?.there !== 'ours'),
      );
      const ownersOnly = specs
        .filter(({ there }) => there === 'equal' || there === 'owner')
        .map(({ id }) => id);
      expect(
        [...left]
          .filter(([, { state }]) => state !== null)
          .map(([id]) => id)
          .toSorted(),
      ).toEqual(ownersOnly.toSorted());
      expect([...things.values()].every(({ ownership }) => ownership !== 'ours')).toBe(true);
      const equal = specs.filter(({ there }) => there === 'equal').map(({ id }) => id);
      expect(log.filter((id) => equal.includes(id))).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test('each resource stands behind what it needs, whatever the order they come in', () => {
  fc.assert(
    fc.property(worlds, (specs) => {
      const { resources } = build(specs);
      const order = orderByNeed(resources, (one) => one).map(({ id }) => id);
      expect(order).toHaveLength(resources.length);
      for (const { id, dependsOn } of resources) {
        for (const need of dependsOn) expect(order.indexOf(need)).toBeLessThan(order.indexOf(id));
      }
    }),
  );
});

test('resources that need each other are refused', () => {
  const things: Things = new Map();
  const circle = [resourceIn(things, 'a', 1, ['b']), resourceIn(things, 'b', 1, ['a'])];
  expect(() => orderByNeed(circle, (one) => one)).toThrow('need each other: a > b > a');
});

test('killed at any step in any world: the next apply converges, and one undo takes back both', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.integer({ min: 1, max: 24 }), async (specs, step) => {
      const { things, resources } = build(specs);
      const before = snapshot(things);
      const engine = await engineOf(resources);
      const adopted = owners(specs);
      let count = 0;
      const dying: EngineOptions = {
        ...engine,
        onProgress: () => {
          if (++count === step) throw new Error('killed');
        },
      };
      await untilKilled(applyPlan(dying, await computePlan(engine, adopted), adopted));
      await applyPlan(engine, await computePlan(engine, adopted), adopted);
      expect((await computePlan(engine)).changes).toEqual([]);
      await undoWhatThereIs(engine);
      expect(snapshot(things)).toBe(before);
    }),
    { numRuns: 200 },
  );
});

test('what somebody else has put in the place of ours is blocked, not undone, and left by destroy', async () => {
  const things: Things = new Map();
  const engine = await engineOf([resourceIn(things, 'a', 'want', [])]);
  await applyPlan(engine, await computePlan(engine));
  things.set('a', { state: 'owner of another one', ownership: 'foreign' });
  expect((await computePlan(engine)).blocked).toHaveLength(1);
  await expect(undoLast(engine)).rejects.toMatchObject({ code: 'PROVISION_UNDO_CHANGED' });
  expect(await destroyAll(engine)).toEqual([{ resource: 'a', what: 'a', reason: 'foreign' }]);
  expect(things.get('a')?.state).toBe('owner of another one');
});

test('what the configuration does not want any more is taken away, and undo brings it back', async () => {
  const things: Things = new Map();
  const [a, b] = [resourceIn(things, 'a', 'want', []), resourceIn(things, 'b', 'want', ['a'])];
  const full = await engineOf([a, b]);
  await applyPlan(full, await computePlan(full));
  const less: EngineOptions = {
    ...full,
    catalogue: { resources: [a], revive: (id) => (id === 'b' ? b : undefined) },
  };
  const plan = await computePlan(less);
  expect(plan.changes).toMatchObject([{ resource: 'b', action: 'remove' }]);
  await applyPlan(less, plan);
  expect(things.get('b')?.state).toBe(null);
  expect((await computePlan(less)).changes).toEqual([]);
  await undoLast(less);
  expect(things.get('b')?.state).toBe('want');
});

test('a step that leaves something else than it should is reported', async () => {
  const things: Things = new Map();
  const wrong = { ...resourceIn(things, 'a', 'want', []), put: async () => {} };
  const engine = await engineOf([wrong]);
  await expect(applyPlan(engine, await computePlan(engine))).rejects.toMatchObject({
    code: 'PROVISION_NOT_AS_WANTED',
  });
});

test('packages stay unless they are asked for', async () => {
  const things: Things = new Map();
  const packages = { ...resourceIn(things, 'packages', 'want', []), staysBehind: true };
  const engine = await engineOf([packages]);
  await applyPlan(engine, await computePlan(engine));
  expect(await undoLast(engine)).toMatchObject([{ reason: 'stays' }]);
  expect(await destroyAll(engine)).toMatchObject([{ reason: 'stays' }]);
  expect(things.get('packages')?.state).toBe('want');
  expect(await destroyAll(engine, { withPackages: true })).toEqual([]);
  expect(things.get('packages')?.state).toBe(null);
});

test('a plan is stale as soon as one change of it is another one', async () => {
  const things: Things = new Map();
  const engine = await engineOf([resourceIn(things, 'a', 'want', []), resourceIn(things, 'b', 'want', [])]);
  const saved = await computePlan(engine);
  expect(findStale(saved, await computePlan(engine))).toEqual([]);
  things.set('b', { state: 'half', ownership: 'ours' });
  expect(findStale(saved, await computePlan(engine))).toEqual(['b']);
  things.set('b', { state: 'owner', ownership: 'foreign' });
  expect(findStale(saved, await computePlan(engine))).toEqual(['b']);
});

test('two commands at once: the second is refused while the first one lives', async () => {
  const journal = await Journal.open(':memory:', 'x@r');
  const other = spawnProcess('sleep', ['60']);
  await journal.hold((await identifyProcess(other.pid as number)) as ProcessIdentity);
  await expect(journal.hold()).rejects.toMatchObject({ code: 'PROVISION_BUSY' });
  other.kill('SIGKILL');
  await other.ended;
  (await journal.hold())();
});

test('what came between the plan and the yes is not taken over, although it was to be adopted', async () => {
  const things: Things = new Map([['a', { state: 'owner shown', ownership: 'foreign' }]]);
  const engine = await engineOf([resourceIn(things, 'a', 'want', [])]);
  const adopted = new Set(['a']);
  const plan = await computePlan(engine, adopted);
  things.set('a', { state: 'owner since', ownership: 'foreign' });
  await refused(applyPlan(engine, plan, adopted), 'PROVISION_PLAN_STALE');
  expect(things.get('a')?.state).toBe('owner since');
});
