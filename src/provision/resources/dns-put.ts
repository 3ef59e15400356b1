import { PosternError } from '../../core/errors/index.ts';
import type { DnsRecord, StoredRecord } from '../../dns/contract.ts';
import { commentOf, listMarks, markRecord } from '../../dns/ownership.ts';
import { isSameData, renderData } from '../../dns/record-data.ts';
import { type RecordSet, type RecordSetState, type StateRecord, stateRecordOf } from './dns-state.ts';

/** What has to happen to make one set out of another. */
interface Steps {
  readonly updates: readonly (readonly [StoredRecord, StateRecord])[];
  readonly creates: readonly StateRecord[];
  readonly deletes: readonly StoredRecord[];
}

/**
 * Makes the set be `wanted`: marks first, so that a crash never leaves a record of ours without one; what is new before
 * what is old goes; marks that mark nothing last. Any number of times, from wherever a crash has left it.
 * @param from what was observed: a record that was not there then is nobody's to replace
 * @throws DNS_RECORD_CHANGED, and what the provider throws
 */
export async function putRecordSet(
  set: RecordSet,
  there: readonly StoredRecord[],
  wanted: RecordSetState,
  from: RecordSetState,
): Promise<void> {
  const steps = planSteps(there, wanted.records);
  refuseUnseen(set, steps, wanted, from);
  await addMarks(set, wanted);
  const isAlias = wanted.records.some(({ data }) => data.type === 'CNAME');
  // A CNAME stands alone: for it alone the old goes first.
  if (isAlias) await deleteAll(set, steps.deletes);
  for (const [stored, record] of steps.updates) {
    await set.provider.updateRecord(stored, recordOf(set, record), record.comment ?? undefined);
  }
  for (const record of steps.creates) {
    await set.provider.createRecord(recordOf(set, record), record.comment ?? undefined);
  }
  if (!isAlias) await deleteAll(set, steps.deletes);
  await removeMarks(set, wanted);
}

/** Pairs what is too many with what is missing, by type where it can be: one update leaves no gap. */
function planSteps(there: readonly StoredRecord[], wanted: readonly StateRecord[]): Steps {
  const updates: [StoredRecord, StateRecord][] = [];
  const missing: StateRecord[] = [];
  const left = new Set(there);
  for (const record of wanted) {
    const twin = [...left].find(({ data }) => isSameData(data, record.data));
    if (!twin) missing.push(record);
    else {
      left.delete(twin);
      if (!isSameRecord(twin, record)) updates.push([twin, record]);
    }
  }
  const creates: StateRecord[] = [];
  for (const record of missing) {
    const others = [...left];
    const old =
      others.find(({ data }) => data.type === record.data.type) ??
      others.find(({ data }) => data.type === 'CNAME' || record.data.type === 'CNAME');
    if (!old) creates.push(record);
    else {
      left.delete(old);
      updates.push([old, record]);
    }
  }
  return { updates, creates, deletes: [...left] };
}

function isSameRecord(stored: StoredRecord, record: StateRecord): boolean {
  const { ttlSeconds, isProxied, comment } = stateRecordOf(stored);
  return ttlSeconds === record.ttlSeconds && isProxied === record.isProxied && comment === record.comment;
}

/** Somebody may have come between the look and the change. */
function refuseUnseen(set: RecordSet, steps: Steps, wanted: RecordSetState, from: RecordSetState): void {
  const known = [...from.records, ...wanted.records];
  for (const stored of [...steps.deletes, ...steps.updates.map(([old]) => old)]) {
    if (known.some(({ data }) => isSameData(data, stored.data))) continue;
    throw new PosternError('DNS_RECORD_CHANGED', { name: set.name, record: renderData(stored.data) });
  }
}

async function deleteAll({ provider }: RecordSet, records: readonly StoredRecord[]): Promise<void> {
  for (const record of records) await provider.deleteRecord(record);
}

async function addMarks(set: RecordSet, wanted: RecordSetState): Promise<void> {
  const { provider, name, home } = set;
  if (provider.isManual || wanted.marks.length === 0) return;
  const have = new Set((await ownMarks(set)).map(({ fingerprint }) => fingerprint));
  for (const fingerprint of wanted.marks) {
    if (have.has(fingerprint)) continue;
    await provider.createRecord(markRecord(name, { home, set: set.set, fingerprint }), commentOf(home));
  }
}

async function removeMarks(set: RecordSet, wanted: RecordSetState): Promise<void> {
  const surplus = (await ownMarks(set)).filter(({ fingerprint }) => !wanted.marks.includes(fingerprint));
  for (const { record } of surplus) await set.provider.deleteRecord(record);
}

async function ownMarks({ provider, name, set, home }: RecordSet): ReturnType<typeof listMarks> {
  return (await listMarks(provider, name, set)).filter((mark) => mark.home === home);
}

function recordOf({ name }: RecordSet, { data, ttlSeconds, isProxied }: StateRecord): DnsRecord {
  return { name, data, ttlSeconds, isProxied };
}
