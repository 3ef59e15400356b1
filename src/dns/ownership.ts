import type { DnsProvider, DnsRecord, StoredRecord } from './contract.ts';
import { markNameOf } from './names.ts';

/** The record sets of a name that are made and marked each by itself. */
export type OwnedSet = 'address' | 'caa';

/** Who made a record set: written as TXT at `_postern.NAME`. */
export interface OwnershipMark {
  /** A home's ID. */
  readonly home: string;
  readonly set: OwnedSet;
}

const MARK = /^postern home=([a-z][a-z0-9-]{0,15}) set=(address|caa)$/;

/** `postern home=mac set=address`. */
export const renderMark = ({ home, set }: OwnershipMark): string => `postern home=${home} set=${set}`;

/** A mark out of a TXT record; `undefined` for every other text. */
export function parseMark(text: string): OwnershipMark | undefined {
  const match = MARK.exec(text);
  return match?.[1] && match[2] ? { home: match[1], set: match[2] as OwnedSet } : undefined;
}

/** What stands in the provider's comment field of a record that a home made. */
export const commentOf = (home: string): string => `postern:${home}`;

/** The mark as a record. */
export function markRecord(name: string, mark: OwnershipMark): DnsRecord {
  return { name: markNameOf(name), ttlSeconds: 300, data: { type: 'TXT', text: renderMark(mark) } };
}

/** Marks of a record set, whoever's they are. */
export async function findMarks(
  provider: DnsProvider,
  name: string,
  set: OwnedSet,
): Promise<readonly { readonly home: string; readonly record: StoredRecord }[]> {
  if (provider.isManual) return [];
  return (await provider.listRecords(markNameOf(name))).flatMap((record) => {
    const mark = record.data.type === 'TXT' ? parseMark(record.data.text) : undefined;
    return mark?.set === set ? [{ home: mark.home, record }] : [];
  });
}

/** Did this home make that record? The set's mark says so, and where there is a comment field, the record's own too. */
export function isOurs(
  provider: DnsProvider,
  record: StoredRecord,
  home: string,
  marks: readonly { home: string }[],
): boolean {
  const isMarked = marks.some((mark) => mark.home === home);
  return isMarked && (!provider.hasComments || record.comment === commentOf(home));
}
