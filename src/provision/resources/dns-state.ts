import type { DnsProvider, RecordData, StoredRecord } from '../../dns/contract.ts';
import { type OwnedSet, commentOf, fingerprintOf } from '../../dns/ownership.ts';
import { keyOf } from '../../dns/record-data.ts';
import type { Json } from '../contract.ts';

/** Records of DNS are made with this many seconds: a change is everywhere soon, and no resolver is bothered. */
export const TTL_SECONDS = 300;

/** One record of a state: enough to put it back as it was. */
export interface StateRecord {
  readonly data: RecordData;
  readonly ttlSeconds: number;
  readonly isProxied: boolean;
  readonly comment: string | null;
}

/** The records of one set of a name, and which of them this home has marked. */
export interface RecordSetState {
  readonly records: readonly StateRecord[];
  /** Fingerprints, sorted. */
  readonly marks: readonly string[];
}

/** A set of a name that one resource looks after. */
export interface RecordSet {
  readonly name: string;
  readonly set: OwnedSet;
  readonly home: string;
  readonly provider: DnsProvider;
}

export const NO_RECORDS: RecordSetState = { records: [], marks: [] };

/** The state in which the set says exactly this and is ours. */
export function ownState({ provider, home }: RecordSet, wanted: readonly RecordData[]): RecordSetState {
  return {
    records: sortRecords(
      wanted.map((data) => ({
        data,
        ttlSeconds: TTL_SECONDS,
        isProxied: false,
        comment: provider.hasComments ? commentOf(home) : null,
      })),
    ),
    marks: provider.isManual ? [] : wanted.map(fingerprintOf).toSorted(),
  };
}

/** A provider's record as part of a state. */
export function stateRecordOf({ data, ttlSeconds, isProxied, comment }: StoredRecord): StateRecord {
  return { data, ttlSeconds, isProxied, comment: comment ?? null };
}

/** In one order, so that equal sets are equal states. */
export function sortRecords(records: readonly StateRecord[]): readonly StateRecord[] {
  return records.toSorted((one, other) => (keyOf(one.data) < keyOf(other.data) ? -1 : 1));
}

/** States are made of JSON already; the types of the journal and of DNS only do not know each other. */
export const toJson = (state: RecordSetState): Json => state as unknown as Json;
export const fromJson = (state: Json): RecordSetState => state as unknown as RecordSetState;
