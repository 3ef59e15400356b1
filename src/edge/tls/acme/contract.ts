import type { Clock } from '../../../core/clock.ts';
import type { HttpsAnswer, HttpsRequest } from '../../../platform/https-request.ts';
import type { AccountKey } from './account-key.ts';

/** Types of the ACME client (RFC 8555): what it needs of others, and what it reads. */

/** `requestHttps` of the platform; tests break it. */
export type SendHttps = (request: HttpsRequest) => Promise<HttpsAnswer>;

export interface AcmeClientOptions {
  readonly directoryUrl: string;
  readonly accountKey: AccountKey;
  /** Authorities that the directory itself is trusted by, PEM; `undefined`: the system's. */
  readonly ca: string | undefined;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly send: SendHttps;
  readonly signal?: AbortSignal | undefined;
}

/** RFC 8555 §7.1.1; `renewalInfo` is RFC 9773 §4.1. */
export interface AcmeDirectory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly renewalInfo: string | undefined;
  readonly termsOfService: string | undefined;
}

/** RFC 8555 §7.1.3. `url` is the order's own. */
export interface AcmeOrder {
  readonly url: string;
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate: string | undefined;
  /** Why it is invalid. */
  readonly reason: string | undefined;
}

export type ChallengeType = 'tls-alpn-01' | 'dns-01';

/** RFC 8555 §7.1.4, §8. */
export interface AcmeAuthorization {
  readonly url: string;
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  readonly challenges: readonly AcmeChallenge[];
}

export interface AcmeChallenge {
  readonly type: string;
  readonly url: string;
  readonly token: string;
  /** Why it failed. */
  readonly reason: string | undefined;
}

/** Shows an authority that a name is ours. */
export interface ChallengeSolver {
  readonly type: ChallengeType;
  /**
   * Makes the answer visible; resolves when the authority may look.
   * @param keyAuthorization RFC 8555 §8.1
   */
  present(name: string, keyAuthorization: string, signal: AbortSignal | undefined): Promise<void>;
  /** Takes it away again. Never rejects. */
  withdraw(name: string, keyAuthorization: string): Promise<void>;
}

/** What DNS-01 needs of a DNS provider. */
export interface TxtRecords {
  /**
   * Adds one TXT record beside those that are there; resolves when every authoritative server answers with it.
   * @param name such as `_acme-challenge.chat.example.com`
   */
  publishTxt(name: string, value: string, signal?: AbortSignal): Promise<void>;
  /** Removes that one record. */
  removeTxt(name: string, value: string): Promise<void>;
}
