import { PosternError } from '../../core/errors/index.ts';
import { printable } from '../../core/printable.ts';
import type { RecordData } from '../contract.ts';
import { parseIssueValue } from './issue-value.ts';

/** What the name is bound to. */
export interface CaaBinding {
  /** The first of the authority's `caaIdentities`: `letsencrypt.org`. */
  readonly issuer: string;
  /** The account's URL as the authority gave it. */
  readonly accountUri: string;
  /** How control is proven; the relay must be able to do none of them. Default: tls-alpn-01. */
  readonly methods?: readonly string[];
}

/**
 * The record set that lets one account of one authority issue for the name, by the named methods, and nobody issue a
 * wildcard (RFC 8659, RFC 8657).
 * @throws DNS_ACCOUNT_URL_UNSAFE when the URL would not come out of the record as it went in
 */
export function buildCaaRecords({
  issuer,
  accountUri,
  methods = ['tls-alpn-01'],
}: CaaBinding): readonly RecordData[] {
  const value = `${issuer}; accounturi=${accountUri}; validationmethods=${methods.join(',')}`;
  if (!isReadBack(value, issuer, accountUri, methods)) {
    throw new PosternError('DNS_ACCOUNT_URL_UNSAFE', { url: printable(accountUri) });
  }
  return [
    { type: 'CAA', flags: 0, tag: 'issue', value },
    { type: 'CAA', flags: 0, tag: 'issuewild', value: ';' },
  ];
}

function isReadBack(value: string, issuer: string, accountUri: string, methods: readonly string[]): boolean {
  const read = parseIssueValue(value);
  const [uri, list] = read.parameters;
  return (
    issuer !== '' &&
    read.issuer === issuer.toLowerCase() &&
    read.parameters.length === 2 &&
    /^https?:\/\/./.test(accountUri) &&
    uri?.value === accountUri &&
    methods.length > 0 &&
    methods.every((method) => /^[a-z0-9-]+$/.test(method)) &&
    list?.value === methods.join(',')
  );
}

/** Authorities known to keep `accounturi` and `validationmethods` before everybody has to (2027-03-15). */
const HONOURING = new Set(['letsencrypt.org']);
const EVERYBODY_FROM_MS = Date.UTC(2027, 2, 15);

/** Is this authority known to honour RFC 8657? `undefined`: it may, or may not. */
export function honoursAccountBinding(issuer: string, nowMs: number): true | undefined {
  return HONOURING.has(issuer.toLowerCase()) || nowMs >= EVERYBODY_FROM_MS ? true : undefined;
}
