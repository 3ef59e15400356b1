import { createHash } from 'node:crypto';
import type { DnsProvider, DnsRecord, RecordData, StoredRecord } from './contract.ts';
import { markNameOf } from './names.ts';
import { keyOf } from './record-data.ts';

/** The record sets of a name that are made and marked each by itself. */
export type OwnedSet = 'address' | 'caa';

/** Who made a record: written as TXT at `_postern.NAME`, one for each record. */
export interface OwnershipMark {
  /** A home's ID. */
  readonly home: string;
  readonly set: OwnedSet;
  /** Of what the record says: a record that somebody changed is not ours any more. */
  readonly fingerprint: string;
}

const MARK = /^postern home=([a-z][a-z0-9-]{0,15}) set=(address|caa) record=([0-9a-f]{16})$/;
const MARK_TTL_SECONDS = 300;

/** 64 bits tell the few records of a name apart. */
export const fingerprintOf = (data: RecordData): string =>
  createHash('sha256').update(keyOf(data)).digest('hex').slice(0, 16);

/** `postern home=mac set=address record=0123456789abcdef`. */
export const renderMark = ({ home, set, fingerprint }: OwnershipMark): string =>
  `postern home=${home} set=${set} record=${fingerprint}`;

/** A mark out of a TXT record; `undefined` for every other text. */
export function parseMark(text: string): OwnershipMark | undefined {
  const match = MARK.exec(text);
  if (!match?.[1] || !match[2] || !match[3]) return undefined;
  return { home: match[1], set: match[2] as OwnedSet, fingerprint: match[3] };
}

/** What stands in the provider's comment field of a record that a home made. */
export const commentOf = (home: string): string => `postern:${home}`;

/** The mark as a record. */
export function markRecord(name: string, mark: OwnershipMark): DnsRecord {
  return {
    name: markNameOf(name),
    ttlSeconds: MARK_TTL_SECONDS,
    data: { type: 'TXT', text: renderMark(mark) },
  };
}

/** A mark with the record that carries it. */
export interface StoredMark extends OwnershipMark {
  readonly record: StoredRecord;
}

/** The marks of a record set, whoever's they are. A person marks nothing. */
export async function listMarks(
  provider: DnsProvider,
  name: string,
  set: OwnedSet,
): Promise<readonly StoredMark[]> {
  if (provider.isManual) return [];
  return (await provider.listRecords(markNameOf(name))).flatMap((record) => {
    const mark = record.data.type === 'TXT' ? parseMark(record.data.text) : undefined;
    return mark?.set === set ? [{ ...mark, record }] : [];
  });
}

/** Did this home make that record, and is it still what was made? Where there is a comment field, that has to say so too. */
export function isOurs(
  provider: DnsProvider,
  record: StoredRecord,
  home: string,
  marks: readonly OwnershipMark[],
): boolean {
  const fingerprint = fingerprintOf(record.data);
  const isMarked = marks.some((mark) => mark.home === home && mark.fingerprint === fingerprint);
  return isMarked && (!provider.hasComments || record.comment === commentOf(home));
}
