/**
 * What the rest of the program knows of DNS. Names are lower case, without a final dot, in A-labels.
 * Everything that comes out of a provider or an authority has been parsed; nothing else of it is passed on.
 */

/** The record types that Postern reads and makes. */
export const RECORD_TYPES = ['A', 'AAAA', 'CNAME', 'CAA', 'TXT'] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

/** One CAA property (RFC 8659 §4.1). */
export interface CaaProperty {
  /** 0 to 255; bit 7 is "critical". */
  readonly flags: number;
  /** Lower case. */
  readonly tag: string;
  readonly value: string;
}

/** What a record says. */
export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME'; readonly target: string }
  | ({ readonly type: 'CAA' } & CaaProperty)
  | { readonly type: 'TXT'; readonly text: string };

/** A record as we want it. */
export interface DnsRecord {
  /** Fully qualified, such as `chat.example.com`. */
  readonly name: string;
  /** Seconds that a resolver may keep it. */
  readonly ttlSeconds: number;
  readonly data: RecordData;
  /** True only to put back what was found so; where the provider knows no such thing it is ignored. Default false. */
  readonly isProxied?: boolean;
}

/** A record as the provider holds it. */
export interface StoredRecord extends DnsRecord {
  /** The provider's handle; only ever handed back. */
  readonly id: string;
  /** The provider's comment field; `undefined` where it has none. */
  readonly comment: string | undefined;
  /** The provider answers for the name with addresses of its own (Cloudflare's orange cloud). */
  readonly isProxied: boolean;
}

/** What a token may do, found out without changing anything. */
export interface TokenReport {
  /** The zone in which records of the name would be made; `undefined` where the provider cannot tell. */
  readonly zone: string | undefined;
  /** May it change records there? `undefined`: that cannot be found out without a change. */
  readonly mayEditRecords: boolean | undefined;
  /** What it may do beyond need, a sentence each; empty when nothing was found. */
  readonly excess: readonly string[];
  /** When it stops working, milliseconds since 1970; `undefined` when it does not, or nobody knows. */
  readonly expiresMs: number | undefined;
}

/** Who holds the records of a zone. Every provider passes the same contract test. */
export interface DnsProvider {
  /** For screens: `Cloudflare`, `BIND at 192.0.2.1 (RFC 2136)`. Never a secret. */
  describe(): string;
  /** Are records told apart by a comment of their own? Else the ownership TXT alone says what is ours. */
  readonly hasComments: boolean;
  /** Does a person change the records? Then nothing is ever ours to delete, and `_postern.NAME` is not asked for. */
  readonly isManual: boolean;
  /**
   * What the credentials may do for `name`.
   * @throws DNS_TOKEN_REFUSED, DNS_ZONE_UNKNOWN, DNS_UNREACHABLE, DNS_RATE_LIMITED, DNS_ANSWER_ODD
   */
  checkToken(name: string): Promise<TokenReport>;
  /** All records of exactly this name whose type is one of `RECORD_TYPES`, whoever made them. */
  listRecords(name: string): Promise<readonly StoredRecord[]>;
  /**
   * Adds a record beside those that are there. One that is there already in the same words is no error.
   * @param comment for the provider's comment field, where it has one
   * @throws DNS_RECORD_CONFLICT when the name cannot hold it (a CNAME beside it)
   */
  createRecord(record: DnsRecord, comment?: string): Promise<StoredRecord>;
  /**
   * Replaces exactly the record that was listed.
   * @throws DNS_RECORD_CHANGED when it is not there any more as it was listed
   */
  updateRecord(stored: StoredRecord, wanted: DnsRecord, comment?: string): Promise<StoredRecord>;
  /** Removes exactly the record that was listed. One that is gone is no error. */
  deleteRecord(stored: StoredRecord): Promise<void>;
}

/** For DNS-01 (RFC 8555 §8.4): TXT records beside those that are there. */
export interface TxtPublisher {
  /**
   * Resolves when every authoritative server of the zone shows it.
   * @param name such as `_acme-challenge.chat.example.com`; a CNAME there is followed
   * @throws DNS_NOT_VISIBLE when an authority does not show it in time, and whatever a provider throws
   */
  publishTxt(name: string, value: string, signal?: AbortSignal): Promise<void>;
  /** Removes that value alone; others of the name stay. One that is gone is no error. */
  removeTxt(name: string, value: string): Promise<void>;
}
