import type { DnsRecord, RecordData } from '../contract.ts';
import { checkName } from '../names.ts';
import { renderContent } from '../record-data.ts';

/** A TSIG key (RFC 8945) and whom it is shown to. */
export interface UpdateTarget {
  readonly server: string;
  readonly port: number;
  readonly zone: string;
  readonly keyName: string;
  /** Such as `hmac-sha256`. */
  readonly keyAlgorithm: string;
  /** Base64. */
  readonly keySecret: string;
}

/** What has to hold before the update, and what it does; all of it or nothing (RFC 2136 §3). */
export interface UpdateRequest {
  readonly prerequisites: readonly string[];
  readonly changes: readonly string[];
}

const SERVER = /^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$/;
const ALGORITHM = /^hmac-(md5|sha1|sha224|sha256|sha384|sha512)$/;
const BASE64 =
  /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9+/]{2}==$|^[A-Za-z0-9+/]{3}=$/;

/** What of the target cannot stand in a script; `undefined` when all of it can. Never names the secret. */
export function findTargetFault(target: UpdateTarget): string | undefined {
  if (!SERVER.test(target.server)) return '`dns.server` must be a name or an address';
  if (!ALGORITHM.test(target.keyAlgorithm)) return '`dns.keyAlgorithm` must be one such as hmac-sha256';
  if (!BASE64.test(target.keySecret)) return '`dns.token` must be the secret of the TSIG key in base64';
  return undefined;
}

/**
 * The text for nsupdate(1), on its standard input: one command a line. Every value has been held against a pattern
 * or is quoted, so no value can begin a command of its own.
 */
export function renderScript(target: UpdateTarget, { prerequisites, changes }: UpdateRequest): string {
  return [
    `server ${target.server} ${target.port}`,
    `zone ${checkName(target.zone)}.`,
    `key ${target.keyAlgorithm}:${checkName(target.keyName)} ${target.keySecret}`,
    ...prerequisites,
    ...changes,
    'send',
    '',
  ].join('\n');
}

/** That very record is among those of its type. nsupdate's value-dependent form means the whole set (RFC 2136 §2.4.2). */
export function requireSet(name: string, set: readonly RecordData[]): readonly string[] {
  return set.map((data) => `prereq yxrrset ${checkName(name)}. IN ${data.type} ${renderContent(data)}`);
}

/** There is no record of that type. */
export const requireNone = (name: string, type: RecordData['type']): string =>
  `prereq nxrrset ${checkName(name)}. IN ${type}`;

/** There is nothing of that name: the apex of the zone never fulfils it. */
export const requireNoName = (name: string): string => `prereq nxdomain ${checkName(name)}.`;

export const addRecord = ({ name, ttlSeconds, data }: DnsRecord): string =>
  `update add ${checkName(name)}. ${Math.trunc(ttlSeconds)} IN ${data.type} ${renderContent(data)}`;

export const removeRecord = (name: string, data: RecordData): string =>
  `update delete ${checkName(name)}. IN ${data.type} ${renderContent(data)}`;
