import { acceptsPages } from '../pages/page.ts';
import type { Decision, RequestFacts } from './contract.ts';
import { DEVICE_COOKIE, SESSION_COOKIE, readCookie } from './cookies.ts';
import { type Place, type Places, SIGN_IN_PATH, isReserved, nameOf, pathOf } from './places.ts';
import { SECRET_PATTERN } from './secrets.ts';
import type { AuthStore } from './store.ts';
import type { FailureThrottle } from './throttle.ts';

/** What a decision looks at. */
export interface DecisionSources {
  readonly store: AuthStore;
  readonly places: Places;
  readonly throttle: FailureThrottle;
}

/** Methods that change nothing (RFC 9110 §9.2.1), without TRACE and CONNECT. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

const OUR_BEARER = /^\s*Bearer\s+pst_/i;

/** Decides on a request. What is not known to be allowed is denied. */
export function decide(sources: DecisionSources, facts: RequestFacts): Decision {
  const place = sources.places.find(facts.serviceName);
  if (!place) return { kind: 'deny', status: 404 };
  const isOpen = place.kind === 'service' && place.service.access === 'none';
  if (isReserved(pathOf(facts.target))) return decideReserved(sources, place, facts, isOpen);
  if (place.kind === 'gate') return decideGatePath(facts);
  const isOurBearer = facts.authorization !== undefined && OUR_BEARER.test(facts.authorization);
  // A token that was sent to the wrong place is still not for the service.
  if (isOpen) return { kind: 'allow', principal: openPrincipal(place), removeAuthorization: isOurBearer };
  if (isOurBearer) return decideToken(sources, place, facts.authorization ?? '');
  return decideSession(sources, place, facts);
}

/** Below the reserved prefix only the login answers; nothing there can become a Service Worker or a socket. */
function decideReserved(
  sources: DecisionSources,
  place: Place,
  facts: RequestFacts,
  isOpen: boolean,
): Decision {
  if (isOpen || facts.isUpgrade) return { kind: 'deny', status: 404 };
  if (facts.serviceWorker !== undefined) return { kind: 'deny', status: 403 };
  // Programs are told before their body is read; browsers get a page.
  if (facts.method === 'POST' && pathOf(facts.target) === SIGN_IN_PATH && !acceptsPages(facts)) {
    const retryAfterSeconds = sources.throttle.waitSeconds(limitBucketOf(sources, place, facts));
    if (retryAfterSeconds > 0) return { kind: 'limited', retryAfterSeconds };
  }
  return { kind: 'gate' };
}

function decideGatePath(facts: RequestFacts): Decision {
  const isHome = pathOf(facts.target) === '/' && SAFE_METHODS.has(facts.method) && !facts.isUpgrade;
  return isHome ? { kind: 'gate' } : { kind: 'deny', status: 404 };
}

function decideToken(sources: DecisionSources, place: Place, authorization: string): Decision {
  const secret = authorization.replace(OUR_BEARER, '').trim();
  const token = SECRET_PATTERN.test(secret) ? sources.store.findToken(secret) : undefined;
  const device = token && sources.store.snapshot.devices.get(token.deviceId);
  if (
    !token ||
    !device ||
    device.revokedAtMs !== null ||
    device.host !== sources.places.deviceHostOf(place)
  ) {
    return { kind: 'deny', status: 401 };
  }
  return {
    kind: 'allow',
    principal: { kind: 'token', id: token.id, deviceId: device.id, userName: token.userName ?? undefined },
    removeAuthorization: true,
  };
}

function decideSession(sources: DecisionSources, place: Place, facts: RequestFacts): Decision {
  const secret = readCookie(facts.cookie, SESSION_COOKIE);
  const session = secret === undefined ? undefined : sources.store.findSession(secret, nameOf(place));
  if (!session) return decideStranger(facts);
  const mayChange = facts.isUpgrade || !SAFE_METHODS.has(facts.method);
  if (mayChange && facts.origin !== place.origin) return { kind: 'deny', status: 403 };
  return {
    kind: 'allow',
    principal: { kind: 'session', id: session.id, deviceId: session.deviceId, userName: session.userName },
    removeAuthorization: false,
  };
}

/** A page that somebody looks for leads to the sign-in; everything else is refused in a few words. */
function decideStranger(facts: RequestFacts): Decision {
  const isRead = facts.method === 'GET' || facts.method === 'HEAD';
  return isRead && !facts.isUpgrade ? { kind: 'gate' } : { kind: 'deny', status: 401 };
}

function openPrincipal(place: Place): {
  kind: 'open';
  id: string;
  deviceId: undefined;
  userName: undefined;
} {
  return { kind: 'open', id: nameOf(place), deviceId: undefined, userName: undefined };
}

/** A paired device has a bucket of its own, which nobody else can fill. */
export function limitBucketOf(
  sources: Pick<DecisionSources, 'store' | 'places'>,
  place: Place,
  facts: RequestFacts,
): string {
  const secret = readCookie(facts.cookie, DEVICE_COOKIE);
  const device = sources.store.findDevice(secret, sources.places.deviceHostOf(place));
  return device ? `device ${device.id}` : `address ${facts.client.bucket}`;
}
