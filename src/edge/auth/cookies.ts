import { SECRET_PATTERN } from './secrets.ts';

/**
 * Our cookies. `__Host-` makes browsers insist on Secure, Path=/ and no Domain, so that no other host of the domain can
 * plant one (RFC 6265bis §4.1.3.2). The names say nothing of the product.
 */
export const SESSION_COOKIE = '__Host-gs';
export const DEVICE_COOKIE = '__Host-gd';
/** Before sign-in: holds the pairing request and the way back. */
export const VISIT_COOKIE = '__Host-gv';

const OWN_NAMES: readonly string[] = [SESSION_COOKIE, DEVICE_COOKIE, VISIT_COOKIE].map((name) =>
  name.toLowerCase(),
);

/**
 * The secret in one of our cookies.
 * @returns `undefined` when it is missing, not exactly as we set it, or there more than once (then somebody planted one)
 */
export function readCookie(field: string | undefined, name: string): string | undefined {
  if (field === undefined || !field.includes(name)) return undefined;
  let found: string | undefined;
  for (const part of field.split(';')) {
    const equals = part.indexOf('=');
    if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
    if (found !== undefined) return undefined;
    found = part.slice(equals + 1).trim();
  }
  return found !== undefined && SECRET_PATTERN.test(found) ? found : undefined;
}

/** Does the field hold anything that looks like a cookie of ours? */
export function hasOwnCookie(field: string | undefined): boolean {
  return field !== undefined && isOwnPart(field);
}

/**
 * The Cookie field as the service may see it. Whatever mentions a name of ours goes, in any spelling: parsers of services
 * differ on quotes, case, blanks and commas, and what one of them might read as our cookie must not be there.
 */
export function withoutOwnCookies(field: string): string | undefined {
  if (!isOwnPart(field)) return field;
  const kept = field
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !isOwnPart(part));
  return kept.length === 0 ? undefined : kept.join('; ');
}

/** May a service not set this cookie? Blanks, quotes and case do not make it another name. */
export function isOwnCookie(cookieName: string): boolean {
  return isOwnPart(cookieName);
}

function isOwnPart(text: string): boolean {
  const lower = text.toLowerCase();
  return OWN_NAMES.some((name) => lower.includes(name));
}

/**
 * A Set-Cookie value. SameSite=Lax, not Strict: a link to the service in a mail or a chat has to arrive signed in;
 * requests that change something are held by the check of Origin, not by this attribute.
 */
export function makeCookie(name: string, value: string, maxAgeSeconds: number): string {
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}`;
}

export function clearCookie(name: string): string {
  return makeCookie(name, '', 0);
}
