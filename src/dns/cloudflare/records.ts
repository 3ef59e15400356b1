import type { DnsRecord, RecordData, StoredRecord } from '../contract.ts';
import { parseName } from '../names.ts';
import { quoteText, unquoteText } from '../presentation.ts';
import { addressData, aliasData, caaData } from '../record-data.ts';
import { isObject, odd } from './api.ts';

const ID = /^[0-9a-f]{32}$/;

/** An identifier of theirs, before it goes into a path. @throws DNS_ANSWER_ODD */
export function checkId(id: unknown): string {
  if (typeof id !== 'string' || !ID.test(id)) throw odd('an identifier is none');
  return id;
}

/** A record out of their list; `undefined` for types that are not ours. @throws DNS_ANSWER_ODD */
export function parseStoredRecord(entry: unknown): StoredRecord | undefined {
  if (!isObject(entry)) throw odd('a record is no object');
  if (!isOurType(entry['type'])) return undefined;
  const name = parseName(entry['name']);
  const data = parseData(entry);
  if (name === undefined || data === undefined) throw odd(`a record of type ${entry['type']} is malformed`);
  const { ttl, comment } = entry;
  return {
    id: checkId(entry['id']),
    name,
    data,
    ttlSeconds: typeof ttl === 'number' && Number.isInteger(ttl) ? ttl : 1,
    comment: typeof comment === 'string' && comment !== '' ? comment : undefined,
    isProxied: entry['proxied'] === true,
  };
}

const isOurType = (type: unknown): type is RecordData['type'] =>
  typeof type === 'string' && ['A', 'AAAA', 'CNAME', 'CAA', 'TXT'].includes(type);

function parseData({ type, content, data }: Record<string, unknown>): RecordData | undefined {
  switch (type) {
    case 'A':
    case 'AAAA': {
      const address = addressData(content);
      return address?.type === type ? address : undefined;
    }
    case 'CNAME':
      return aliasData(content);
    case 'TXT':
      return typeof content === 'string' ? { type: 'TXT', text: unquoteText(content) } : undefined;
    case 'CAA':
      return isObject(data)
        ? caaData({ flags: data['flags'], tag: data['tag'], value: data['value'] })
        : undefined;
    default:
      return undefined;
  }
}

/**
 * A record as their interface takes it; `proxied` is always said, or a default of the account could switch it on.
 * @param comment their comment field; `null` empties it
 */
export function renderRecord(
  { name, ttlSeconds, data, isProxied = false }: DnsRecord,
  comment: string | undefined,
): Record<string, unknown> {
  const common = { name, ttl: ttlSeconds, comment: comment ?? null };
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return { ...common, type: data.type, content: data.address, proxied: isProxied };
    case 'CNAME':
      return { ...common, type: 'CNAME', content: data.target, proxied: isProxied };
    case 'TXT':
      return { ...common, type: 'TXT', content: quoteText(data.text) };
    case 'CAA':
      return { ...common, type: 'CAA', data: { flags: data.flags, tag: data.tag, value: data.value } };
  }
}
