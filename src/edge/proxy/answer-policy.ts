import type { Gatekeeper } from '../auth/contract.ts';
import type { ResponseHead } from './response-head.ts';

/** One year in seconds: what the edge promises for its names (RFC 6797) unless it is told otherwise. */
export const DEFAULT_HSTS_SECONDS = 31_536_000;
export const TRANSPORT_SECURITY_FIELD = 'Strict-Transport-Security';

/** What the answers of services may not do at the names of this edge. */
export interface AnswerRules {
  readonly gatekeeper: Gatekeeper;
  /** Sign-in lives below a reserved path of the services' own names, because it has no name of its own. */
  readonly isGateShared: boolean;
  /** How long browsers are told to use HTTPS only, seconds; 0 takes every promise back. */
  readonly hstsSeconds: number;
}

/** The value of the edge's own HSTS field. */
export function transportSecurity({ hstsSeconds }: Pick<AnswerRules, 'hstsSeconds'>): string {
  return `max-age=${hstsSeconds}`;
}

/**
 * The end-to-end fields of an answer as the visitor gets them: names and values in turn.
 * Drops cookies under names of ours, keeps HSTS at what the edge promises or more, and keeps Service Workers off the sign-in.
 */
export function cleanAnswerFields(head: ResponseHead, rules: AnswerRules): string[] {
  const fields = head.fields;
  for (const cookie of head.setCookies) {
    if (!rules.gatekeeper.isOwnCookie(cookieName(cookie))) fields.push('Set-Cookie', cookie);
  }
  fields.push(TRANSPORT_SECURITY_FIELD, strongest(head.transportSecurity, rules));
  const scope = head.serviceWorkerAllowed;
  if (scope !== undefined && !(rules.isGateShared && coversGate(scope))) {
    fields.push('Service-Worker-Allowed', scope);
  }
  return fields;
}

/** Without a name (`=__Host-x=1`) the value is all that a browser sends back, and then it reads as a cookie of that name. */
function cookieName(setCookie: string): string {
  const pair = setCookie.split(';', 1)[0] ?? '';
  const name = pair.split('=', 1)[0]?.trim() ?? '';
  return name === '' ? pair : name;
}

/** A longer promise of the service (or one for its subdomains) stands; a shorter one does not, nor any where the edge promises nothing. */
function strongest(ofService: string | undefined, rules: AnswerRules): string {
  if (ofService === undefined || rules.hstsSeconds === 0) return transportSecurity(rules);
  const maxAge = /(?:^|;)\s*max-age\s*=\s*"?(\d{1,10})"?\s*(?:;|$)/i.exec(ofService)?.[1];
  return Number(maxAge ?? 0) >= rules.hstsSeconds ? ofService : transportSecurity(rules);
}

/** Would a Service Worker with this scope see the pages of the sign-in? Everything but a plain path below a folder is taken as yes. */
function coversGate(scope: string): boolean {
  const path = scope.trim();
  return !/^\/[A-Za-z0-9_~-][A-Za-z0-9_~/-]*$/.test(path);
}
