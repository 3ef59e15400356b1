import type { AcmeAccount } from './account.ts';
import { type AcmeAnswer, odd } from './client.ts';
import type { AcmeAuthorization, AcmeChallenge, AcmeOrder } from './contract.ts';
import { describeProblem, readProblem } from './problem.ts';

const ORDER_STATES = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const;
const AUTHORIZATION_STATES = ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'] as const;

export interface NewOrder {
  readonly name: string;
  readonly profile: string | undefined;
  /** Identifier of the certificate that the new one replaces (RFC 9773 §5). */
  readonly replaces: string | undefined;
}

/** RFC 8555 §7.4. */
export async function createOrder(
  account: AcmeAccount,
  { name, profile, replaces }: NewOrder,
): Promise<AcmeOrder> {
  const { newOrder } = await account.client.directory();
  const answer = await account.post(newOrder, {
    identifiers: [{ type: 'dns', value: name }],
    ...(profile === undefined ? {} : { profile }),
    ...(replaces === undefined ? {} : { replaces }),
  });
  if (answer.location === undefined) throw odd(newOrder, 'it gave the order no URL');
  return readOrder(answer, answer.location);
}

/** @param url the order's own; an answer to finalize does not repeat it */
export function readOrder({ json }: AcmeAnswer, url: string): AcmeOrder {
  const { status, authorizations, finalize, certificate, error } = json;
  const state = ORDER_STATES.find((known) => known === status);
  if (!state || typeof finalize !== 'string' || !isTexts(authorizations)) throw odd(url, 'it is no order');
  return {
    url,
    status: state,
    authorizations,
    finalize,
    certificate: typeof certificate === 'string' ? certificate : undefined,
    reason: error === undefined ? undefined : describeProblem(readProblem(error)),
  };
}

/** RFC 8555 §7.5. */
export function readAuthorization({ json }: AcmeAnswer, url: string): AcmeAuthorization {
  const { status, challenges } = json;
  const state = AUTHORIZATION_STATES.find((known) => known === status);
  if (!state || !Array.isArray(challenges)) throw odd(url, 'it is no authorization');
  return { url, status: state, challenges: challenges.flatMap(readChallenge) };
}

/** Kinds that we do not know are no mistake; a token that is no base64url would be one (RFC 8555 §8.1). */
function readChallenge(value: unknown): AcmeChallenge[] {
  const { type, url, token, error } = (value ?? {}) as Record<string, unknown>;
  if (typeof type !== 'string' || typeof url !== 'string' || typeof token !== 'string') return [];
  if (!/^[A-Za-z0-9_-]{1,512}$/.test(token)) return [];
  const reason = error === undefined ? undefined : describeProblem(readProblem(error));
  return [{ type, url, token, reason }];
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string');
}
