import type { RawRecord } from '../../platform/dns-query.ts';
import type { RecordData, RecordType } from '../contract.ts';
import { addressData, aliasData, caaData } from '../record-data.ts';

/** A record as a server gave it, with the seconds it may be kept where they are known. */
export interface SeenRecord {
  readonly data: RecordData;
  readonly ttlSeconds: number | undefined;
}

/** What an unreadable CAA property counts as: critical and unknown, so that nobody may issue (RFC 8659 §4.1). */
const UNREADABLE_CAA: RecordData = { type: 'CAA', flags: 128, tag: 'unreadable', value: '' };

/** What a server sent, as records of ours. What cannot be one is left out; a CAA property then forbids everything. */
export function parseRecords(type: RecordType, raw: readonly RawRecord[]): readonly SeenRecord[] {
  return raw.flatMap((record) => {
    const data = parseOne(type, record);
    return data?.type === type ? [{ data, ttlSeconds: ttlOf(record) }] : [];
  });
}

function parseOne(type: RecordType, raw: RawRecord): RecordData | undefined {
  switch (type) {
    case 'A':
    case 'AAAA':
      return addressData(fieldOf(raw, 'address'));
    case 'CNAME':
      return aliasData(raw);
    case 'CAA':
      return parseCaa(raw);
    case 'TXT':
      return parseText(raw);
  }
}

/**
 * Node makes `{ critical: 0, type: 'CAA', issue: 'ca.example' }` of it (without `type` before Node 24). A tag that is
 * itself called `critical` or `type` takes the place of the other: where that hides something, it is unreadable.
 */
function parseCaa(raw: RawRecord): RecordData {
  if (typeof raw !== 'object' || raw === null) return UNREADABLE_CAA;
  const tags = Object.entries(raw).filter(
    ([key, value]) => key !== 'critical' && !(key === 'type' && value === 'CAA'),
  );
  const [tag, value] = tags[0] ?? [];
  if (tags.length !== 1) return UNREADABLE_CAA;
  return caaData({ flags: fieldOf(raw, 'critical'), tag, value }) ?? UNREADABLE_CAA;
}

function parseText(raw: RawRecord): RecordData | undefined {
  if (!Array.isArray(raw) || !raw.every((part) => typeof part === 'string')) return undefined;
  return { type: 'TXT', text: Buffer.from(raw.join(''), 'latin1').toString('utf8') };
}

function ttlOf(raw: RawRecord): number | undefined {
  const ttl = fieldOf(raw, 'ttl');
  return typeof ttl === 'number' && Number.isInteger(ttl) && ttl >= 0 && ttl < 2 ** 31 ? ttl : undefined;
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined;
}
