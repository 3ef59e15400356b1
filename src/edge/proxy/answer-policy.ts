import type { Gatekeeper } from '../auth/contract.ts';
import type { ResponseHead } from './response-head.ts';

/** One year in seconds: what the edge promises for its names (RFC 6797). */
const MIN_AGE_SECONDS = 31_536_000;
export const TRANSPORT_SECURITY = `max-age=${MIN_AGE_SECONDS}`;
export const TRANSPORT_SECURITY_FIELD = 'Strict-Transport-Security';

/** What the answers of services may not do at the names of this edge. */
export interface AnswerRules {
  readonly gatekeeper: Gatekeeper;
  /** Sign-in lives below a reserved path of the services' own names, because it has no name of its own. */
  readonly isGateShared: boolean;
}

/**
 * The end-to-end fields of an answer as the visitor gets them: names and values in turn.
 * Drops cookies under names of ours, keeps HSTS at a year or more, and keeps Service Workers off the sign-in.
 */
export function cleanAnswerFields(head: ResponseHead, rules: AnswerRules): string[] {
  const fields = head.fields;
  for (const cookie of head.setCookies) {
    if (!rules.gatekeeper.isOwnCookie(cookieName(cookie))) fields.push('Set-Cookie', cookie);
  }
  fields.push(TRANSPORT_SECURITY_FIELD, strongest(head.transportSecurity));
  const scope = head.serviceWorkerAllowed;
  if (scope !== undefined && !(rules.isGateShared && coversGate(scope))) {
    fields.push('Service-Worker-Allowed', scope);
  }
  return fields;
}

function cookieName(setCookie: string): string {
  const end = setCookie.search(/[=;]/);
  return (end < 0 ? setCookie : setCookie.slice(0, end)).trim();
}

/** A longer promise of the service (or one for its subdomains) stands; a shorter one does not. */
function strongest(ofService: string | undefined): string {
  if (ofService === undefined) return TRANSPORT_SECURITY;
  const maxAge = /(?:^|;)\s*max-age\s*=\s*"?(\d{1,10})"?\s*(?:;|$)/i.exec(ofService)?.[1];
  return Number(maxAge ?? 0) >= MIN_AGE_SECONDS ? ofService : TRANSPORT_SECURITY;
}

/** Would a Service Worker with this scope see the pages of the sign-in? Everything but a plain path below a folder is taken as yes. */
function coversGate(scope: string): boolean {
  const path = scope.trim();
  return !/^\/[A-Za-z0-9_~-][A-Za-z0-9_~/-]*$/.test(path);
}
