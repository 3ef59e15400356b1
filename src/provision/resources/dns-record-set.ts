import type { RecordData, StoredRecord } from '../../dns/contract.ts';
import type { Lookup } from '../../dns/lookup/lookup.ts';
import { isOurs, listMarks } from '../../dns/ownership.ts';
import { areSameSets, renderData } from '../../dns/record-data.ts';
import { waitUntilVisible } from '../../dns/visibility.ts';
import type { Observed, Obstacle, Resource, ResourceId, World } from '../contract.ts';
import { putRecordSet } from './dns-put.ts';
import {
  NO_RECORDS,
  type RecordSet,
  type RecordSetState,
  type StateRecord,
  fromJson,
  ownState,
  sortRecords,
  stateRecordOf,
  toJson,
} from './dns-state.ts';

/** How long the authoritative servers get, milliseconds. */
export interface DnsWaits {
  /** Where a provider's interface makes the records. Default 300 000. */
  readonly providerMs?: number;
  /** Where a person does. Default 600 000. */
  readonly personMs?: number;
  /** Between two looks. Default 2000. */
  readonly intervalMs?: number;
}

/** What the two DNS resources of a name differ in. */
export interface RecordSetKind {
  readonly id: ResourceId;
  readonly what: string;
  readonly why: string;
  readonly dependsOn: readonly ResourceId[];
  readonly wanted: readonly RecordData[];
  /** Is a record of the name part of this set? */
  readonly covers: (record: StoredRecord) => boolean;
  /** Types that have to be at every authoritative server, each with whether nothing else may be. */
  readonly visible: readonly { readonly type: RecordData['type']; readonly isExact: boolean }[];
  /** A sentence for what is there and is not ours; the general one when it has none. */
  readonly explain?: (records: readonly StoredRecord[]) => string | undefined;
  /** Something that makes a change needless, with what there is to say about it. */
  readonly settle?: (
    records: readonly StoredRecord[],
    all: readonly StoredRecord[],
  ) => Promise<readonly string[] | undefined>;
  /** What the operator should know. */
  readonly notes?: () => Promise<readonly string[]>;
}

export interface RecordSetOptions extends RecordSet {
  readonly lookup: Lookup;
  readonly waits?: DnsWaits;
}

/** A set of records of one name as a resource. What is not marked ours is `foreign`, and the engine asks before it goes. */
export function recordSetResource(options: RecordSetOptions, kind: RecordSetKind): Resource {
  const desired = ownState(options, kind.wanted);
  return {
    id: kind.id,
    place: 'dns',
    what: kind.what,
    why: kind.why,
    dependsOn: kind.dependsOn,
    desired: toJson(desired),
    absent: toJson(NO_RECORDS),
    observe: () => observe(options, kind, desired),
    put: (world, { state, from }) => put(world, options, kind, fromJson(state), fromJson(from)),
    describe: (from, to) => describe(fromJson(from), fromJson(to)),
  };
}

async function observe(
  options: RecordSetOptions,
  kind: RecordSetKind,
  desired: RecordSetState,
): Promise<Observed> {
  const { provider, name, home } = options;
  const all = await provider.listRecords(name);
  const records = all.filter(kind.covers);
  const marks = await listMarks(provider, name, options.set);
  const state: RecordSetState = {
    records: sortRecords(records.map(stateRecordOf)),
    marks: marks
      .filter((mark) => mark.home === home)
      .map(({ fingerprint }) => fingerprint)
      .toSorted(),
  };
  const notes = (await kind.notes?.()) ?? [];
  const foreign = records.filter((record) => !provider.isManual && !isOurs(provider, record, home, marks));
  if (provider.isManual) return observeManual(records, state, desired, notes);
  if (foreign.length === 0) {
    const isAbsent = records.length === 0 && state.marks.length === 0;
    const settled = await kind.settle?.(records, all);
    if (isAbsent && settled) return used(desired, [...notes, ...settled]);
    return { state: toJson(state), ownership: isAbsent ? 'absent' : 'ours', notes };
  }
  const isEqual = isAsWanted(records, kind.wanted) && state.marks.length === 0;
  const settled = isEqual ? [] : await kind.settle?.(records, all);
  if (settled) return used(desired, [...notes, ...settled]);
  const others = [...new Set(marks.filter((mark) => mark.home !== home).map((mark) => mark.home))];
  return {
    state: toJson(state),
    ownership: 'foreign',
    obstacles: [obstacleOf(kind, foreign, others, describe(state, desired))],
    notes,
  };
}

/** There already and as wanted, or nothing can be done about it: used, and never changed. */
function used(desired: RecordSetState, notes: readonly string[]): Observed {
  return { state: toJson(desired), ownership: 'foreign', notes };
}

/** A person's records: nothing of it is taken away, it is only told what would be right. */
function observeManual(
  records: readonly StoredRecord[],
  state: RecordSetState,
  desired: RecordSetState,
  notes: readonly string[],
): Observed {
  const isEqual = isAsWanted(
    records,
    desired.records.map(({ data }) => data),
  );
  return {
    state: toJson(isEqual ? desired : state),
    ownership: records.length === 0 ? 'absent' : 'ours',
    notes,
  };
}

function isAsWanted(records: readonly StoredRecord[], wanted: readonly RecordData[]): boolean {
  return (
    !records.some(({ isProxied }) => isProxied) &&
    areSameSets(
      records.map(({ data }) => data),
      wanted,
    )
  );
}

function obstacleOf(
  kind: RecordSetKind,
  foreign: readonly StoredRecord[],
  others: readonly string[],
  difference: readonly string[],
): Obstacle {
  const owner =
    others.length > 0 ? `the home ${others.join(', ')} of Postern made it` : "Postern's mark is missing";
  const seen = foreign.map(({ data }) => renderData(data)).join(', ');
  return {
    sentence: kind.explain?.(foreign) ?? `${kind.what}: there is ${seen}, and ${owner}`,
    lines: [...difference, `To replace it, after a copy was kept: postern apply --adopt ${kind.id}`],
    canAdopt: true,
  };
}

async function put(
  world: World,
  options: RecordSetOptions,
  kind: RecordSetKind,
  wanted: RecordSetState,
  from: RecordSetState,
): Promise<void> {
  const there = (await options.provider.listRecords(options.name)).filter(kind.covers);
  await putRecordSet(options, there, wanted, from);
  const isRemoval = wanted.records.length === 0;
  if (isRemoval && options.provider.isManual) return;
  await waitForAll(world, options, kind, wanted.records);
}

/** What a provider's own addresses or an alias stand for cannot be foretold, so it is not waited for. */
async function waitForAll(
  world: World,
  { lookup, name, provider, waits = {} }: RecordSetOptions,
  kind: RecordSetKind,
  records: readonly StateRecord[],
): Promise<void> {
  if (records.some(({ isProxied, data }) => isProxied || data.type === 'CNAME')) return;
  const timeoutMs = provider.isManual ? (waits.personMs ?? 600_000) : (waits.providerMs ?? 300_000);
  for (const { type, isExact } of kind.visible) {
    const data = records.map((record) => record.data).filter((one) => one.type === type);
    // Where others may have records of the type too, there is nothing to wait for when ours are gone.
    if (data.length === 0 && !isExact) continue;
    await waitUntilVisible(
      { name, type, records: data, isExact },
      {
        lookup,
        clock: world.clock,
        timeoutMs,
        ...(waits.intervalMs === undefined ? {} : { intervalMs: waits.intervalMs }),
        onLook: ({ missing }) => world.log.debug({ name, type, missing }, 'not at every name server yet'),
      },
    );
  }
}

function describe(from: RecordSetState, to: RecordSetState): readonly string[] {
  const render = ({ data, isProxied }: StateRecord): string =>
    `${renderData(data)}${isProxied ? ' (proxied)' : ''}`;
  const [before, after] = [from.records.map(render), to.records.map(render)];
  const lines = [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
  return lines.length > 0 ? lines.slice(0, 12) : ['~ mark of ownership, time to live or comment'];
}
