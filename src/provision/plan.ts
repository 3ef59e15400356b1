import type {
  Action,
  Blocked,
  Change,
  Json,
  Observed,
  Obstacle,
  Plan,
  Resource,
  ResourceId,
} from './contract.ts';
import { fingerprintOf, isSameState } from './state.ts';

/** A resource with what was seen of it. */
export interface Seen {
  readonly resource: Resource;
  readonly observed: Observed;
  /** The journal says that an apply of ours made or took it over. */
  readonly isOwned: boolean;
  /** The configuration does not want it any more: the state to put back. */
  readonly retiredTo?: Json;
}

export type Verdict =
  | { readonly kind: 'unchanged' | 'used' }
  | { readonly kind: 'blocked'; readonly obstacles: readonly Obstacle[] }
  | { readonly kind: 'change'; readonly action: Action; readonly target: Json };

/** What is to be done with one resource. Pure; whatever is not clearly allowed is blocked. */
export function judge(seen: Seen, adopted: ReadonlySet<ResourceId>): Verdict {
  const { resource, observed, isOwned, retiredTo } = seen;
  const target = retiredTo === undefined ? resource.desired : retiredTo;
  if (isSameState(observed.state, target)) {
    return { kind: observed.ownership === 'foreign' && !isOwned ? 'used' : 'unchanged' };
  }
  const mayAdopt = adopted.has(resource.id);
  const obstacles = [...foreignObstacle(seen), ...(observed.obstacles ?? [])].filter(
    ({ canAdopt }) => !(canAdopt && mayAdopt),
  );
  if (obstacles.length > 0) return { kind: 'blocked', obstacles };
  return { kind: 'change', action: actionOf(seen), target };
}

function actionOf({ observed, retiredTo }: Seen): Action {
  if (retiredTo !== undefined) return 'remove';
  switch (observed.ownership) {
    case 'absent':
      return 'create';
    case 'ours':
      return 'update';
    case 'foreign':
      return 'adopt';
  }
}

function foreignObstacle({ resource, observed }: Seen): Obstacle[] {
  if (observed.ownership !== 'foreign') return [];
  // A resource that knows more says it itself.
  if ((observed.obstacles ?? []).length > 0) return [];
  return [
    {
      sentence: `${resource.what} is there, differs from what is wanted, and is not Postern's`,
      lines: resource.describe(observed.state, resource.desired),
      canAdopt: true,
    },
  ];
}

export interface PlanInput {
  readonly home: string;
  readonly relay: string;
  readonly seen: readonly Seen[];
  readonly adopted?: ReadonlySet<ResourceId>;
}

/** The plan as data, in the order in which it will be done: what is needed first comes first, removals the other way round. */
export function makePlan({ home, relay, seen, adopted = new Set() }: PlanInput): Plan {
  const ordered = orderSeen(seen);
  const verdicts = ordered.map((one) => ({ one, verdict: judge(one, adopted) }));
  const pick = <T>(choose: (one: Seen, verdict: Verdict) => T | undefined): T[] =>
    verdicts.map(({ one, verdict }) => choose(one, verdict)).filter((item) => item !== undefined);
  return {
    version: 1,
    home,
    relay,
    changes: pick(changeOf),
    blocked: pick(blockedOf),
    used: pick(({ resource }, { kind }) =>
      kind === 'used' ? { resource: resource.id, what: resource.what } : undefined,
    ),
    unchanged: pick(({ resource }, { kind }) => (kind === 'unchanged' ? resource.id : undefined)),
    notes: [...new Set(ordered.flatMap(({ observed }) => observed.notes ?? []))],
  };
}

function orderSeen(seen: readonly Seen[]): readonly Seen[] {
  const wanted = seen.filter(({ retiredTo }) => retiredTo === undefined);
  const retired = seen.filter(({ retiredTo }) => retiredTo !== undefined);
  const resourceOf = ({ resource }: Seen): Resource => resource;
  return [...orderByNeed(wanted, resourceOf), ...orderByNeed(retired, resourceOf).toReversed()];
}

function changeOf({ resource, observed }: Seen, verdict: Verdict): Change | undefined {
  if (verdict.kind !== 'change') return undefined;
  return {
    resource: resource.id,
    place: resource.place,
    action: verdict.action,
    what: resource.what,
    why: resource.why,
    lines: resource.describe(observed.state, verdict.target),
    isRisky: resource.isRisky ?? false,
    before: fingerprintOf(observed.state),
    after: fingerprintOf(verdict.target),
  };
}

function blockedOf({ resource }: Seen, verdict: Verdict): Blocked | undefined {
  if (verdict.kind !== 'blocked') return undefined;
  return { resource: resource.id, what: resource.what, obstacles: verdict.obstacles };
}

/**
 * Items so that each stands behind everything it needs, otherwise in the order given. Pure.
 * @throws RangeError when two need each other
 */
export function orderByNeed<T>(items: readonly T[], resourceOf: (item: T) => Resource): readonly T[] {
  const byId = new Map(items.map((item) => [resourceOf(item).id, item]));
  const placed = new Set<ResourceId>();
  const result: T[] = [];
  const place = (item: T, trail: readonly ResourceId[]): void => {
    const { id, dependsOn } = resourceOf(item);
    if (placed.has(id)) return;
    if (trail.includes(id)) throw new RangeError(`resources need each other: ${[...trail, id].join(' > ')}`);
    for (const need of dependsOn) {
      const needed = byId.get(need);
      if (needed !== undefined) place(needed, [...trail, id]);
    }
    placed.add(id);
    result.push(item);
  };
  for (const item of items) place(item, []);
  return result;
}

/** Resources whose change is another one now than in the saved plan; none when it may still be done. */
export function findStale(saved: Plan, now: Plan): readonly ResourceId[] {
  const keyOf = ({ resource, action, before, after }: Change): string =>
    `${resource}\n${action}\n${before}\n${after}`;
  const [savedKeys, nowKeys] = [new Set(saved.changes.map(keyOf)), new Set(now.changes.map(keyOf))];
  const stale = [
    ...saved.changes.filter((change) => !nowKeys.has(keyOf(change))),
    ...now.changes.filter((change) => !savedKeys.has(keyOf(change))),
  ].map(({ resource }) => resource);
  const blocked = now.blocked
    .map(({ resource }) => resource)
    .filter((id) => !saved.blocked.some(({ resource }) => resource === id));
  return [...new Set([...stale, ...blocked])];
}
