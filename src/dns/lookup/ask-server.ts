import type { DnsAnswer, DnsQueryOptions, DnsServer, DnsType } from '../../platform/dns-query.ts';
import type { RecordType } from '../contract.ts';
import { type SeenRecord, parseRecords } from './parse-records.ts';

/** How a question gets to a server: `platform/dns-query.ts`, or a test. */
export type QueryDns = (name: string, type: DnsType, options?: DnsQueryOptions) => Promise<DnsAnswer>;

/**
 * What one server says about a name:
 * `records`  records of the type
 * `alias`    the name is a CNAME, so it holds nothing else (RFC 1034 §3.6.2)
 * `none`     no such record
 * `failed`   no answer, or none to be used
 */
export type ServerAnswer =
  | { readonly kind: 'records'; readonly records: readonly SeenRecord[] }
  | { readonly kind: 'alias'; readonly target: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Asks for the records of exactly this name. An alias is asked for first: a server adds what it knows of the target,
 * which is not what the name itself holds.
 */
export async function askServer(
  query: QueryDns,
  name: string,
  type: RecordType,
  server: DnsServer | undefined,
): Promise<ServerAnswer> {
  const alias = readAnswer('CNAME', await query(name, 'CNAME', { server }));
  if (alias.kind === 'failed') return alias;
  const target = alias.kind === 'records' ? alias.records[0]?.data : undefined;
  if (target?.type === 'CNAME') return { kind: 'alias', target: target.target };
  return type === 'CNAME' ? { kind: 'none' } : readAnswer(type, await query(name, type, { server }));
}

/** A server's answer to one question, parsed. */
export function readAnswer(type: RecordType, answer: DnsAnswer): ServerAnswer {
  switch (answer.kind) {
    case 'records': {
      const records = parseRecords(type, answer.records);
      return records.length > 0 ? { kind: 'records', records } : { kind: 'failed', reason: 'an odd answer' };
    }
    case 'none':
    case 'no-name':
      return { kind: 'none' };
    case 'failed':
      return { kind: 'failed', reason: answer.reason };
  }
}
