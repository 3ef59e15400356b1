import { canonicalIpv6, isIpv4 } from './addresses.ts';
import type { CaaProperty, RecordData } from './contract.ts';
import { parseName } from './names.ts';
import { quoteText, quoteValue } from './presentation.ts';

/** Do two records say the same? Addresses, names and CAA tags compare by meaning, everything else by its letters. */
export function isSameData(one: RecordData, other: RecordData): boolean {
  return keyOf(one) === keyOf(other);
}

/** Do two sets hold the same records, in whatever order? */
export function areSameSets(one: readonly RecordData[], other: readonly RecordData[]): boolean {
  const keys = (set: readonly RecordData[]): string => [...new Set(set.map(keyOf))].sort().join('\n');
  return keys(one) === keys(other);
}

/** The same text for the same meaning. */
export function keyOf(data: RecordData): string {
  switch (data.type) {
    case 'A':
      return `A ${data.address}`;
    case 'AAAA':
      return `AAAA ${canonicalIpv6(data.address) ?? data.address}`;
    case 'CNAME':
      return `CNAME ${data.target.toLowerCase().replace(/\.$/, '')}`;
    case 'CAA':
      return `CAA ${data.flags} ${data.tag.toLowerCase()} ${data.value}`;
    case 'TXT':
      return `TXT ${data.text}`;
  }
}

/** The content as a zone file writes it: `0 issue "letsencrypt.org"`. One line, whatever it holds. */
export function renderContent(data: RecordData): string {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return data.address;
    case 'CNAME':
      return `${data.target}.`;
    case 'CAA':
      return `${data.flags} ${data.tag} ${quoteValue(data.value)}`;
    case 'TXT':
      return quoteText(data.text);
  }
}

/** `A 203.0.113.5`: for screens and errors. */
export const renderData = (data: RecordData): string => `${data.type} ${renderContent(data)}`;

/** An address as a record, or nothing when it is none. */
export function addressData(address: unknown): RecordData | undefined {
  if (typeof address !== 'string') return undefined;
  if (isIpv4(address)) return { type: 'A', address };
  const canonical = canonicalIpv6(address);
  return canonical === undefined ? undefined : { type: 'AAAA', address: canonical };
}

/** An alias as a record, or nothing when its target is no name. */
export function aliasData(target: unknown): RecordData | undefined {
  const name = parseName(target);
  return name === undefined ? undefined : { type: 'CNAME', target: name };
}

/** A CAA property, or nothing when it cannot be one (RFC 8659 §4.1: the tag is 1 to 255 letters and digits). */
export function caaData({ flags, tag, value }: Record<keyof CaaProperty, unknown>): RecordData | undefined {
  if (typeof flags !== 'number' || !Number.isInteger(flags) || flags < 0 || flags > 255) return undefined;
  if (typeof tag !== 'string' || !/^[A-Za-z0-9]{1,255}$/.test(tag) || typeof value !== 'string')
    return undefined;
  return { type: 'CAA', flags, tag: tag.toLowerCase(), value };
}
