import { sign } from 'node:crypto';
import type { AccountKey } from './account-key.ts';

/** RFC 8555 §6.2: a JWS in flattened JSON (RFC 7515 §7.2.2). */
export interface Jws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

export interface JwsOptions {
  readonly key: AccountKey;
  readonly url: string;
  readonly nonce: string;
  /** URL of the account; `undefined` where the key itself is shown (newAccount). */
  readonly accountUrl: string | undefined;
  /** `undefined`: POST-as-GET (RFC 8555 §6.3). */
  readonly payload: unknown;
}

/** Signs a request body with ES256 (RFC 7518 §3.4). */
export function signRequest({ key, url, nonce, accountUrl, payload }: JwsOptions): Jws {
  const signer = accountUrl === undefined ? { jwk: key.jwk } : { kid: accountUrl };
  const head = encode(JSON.stringify({ alg: 'ES256', ...signer, nonce, url }));
  const body = payload === undefined ? '' : encode(JSON.stringify(payload));
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return { protected: head, payload: body, signature: signature.toString('base64url') };
}

const encode = (text: string): string => Buffer.from(text).toString('base64url');
