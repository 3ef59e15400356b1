import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { type ErrorStatus, renderErrorPage } from '../pages/error-page.ts';
import { type Language, chooseLanguage } from '../pages/language.ts';
import { acceptsPages, renderText } from '../pages/page.ts';
import type { GateRequest, GateResponse } from './contract.ts';
import { DEVICE_COOKIE, SESSION_COOKIE, VISIT_COOKIE, makeCookie, readCookie } from './cookies.ts';
import type { HashQueue } from './hash-queue.ts';
import type { ScryptCost } from './passwords.ts';
import { type Place, type Places, SIGN_IN_PATH, nameOf, pathOf } from './places.ts';
import type { Device, Session } from './records.ts';
import { hashSecret, makeSecret } from './secrets.ts';
import type { AuthStore } from './store.ts';
import type { AccountDelay, FailureThrottle } from './throttle.ts';
import type { Errand, Visits } from './visits.ts';

/** The parts of the login that its answers share. */
export interface Login {
  readonly store: AuthStore;
  readonly places: Places;
  readonly throttle: FailureThrottle;
  readonly delay: AccountDelay;
  readonly hashes: HashQueue;
  readonly visits: Visits;
  /** Cost of the hash that stands in for unknown users; that of all others. */
  readonly cost: ScryptCost;
  readonly fitsPassword: (password: string, phc: string) => Promise<boolean>;
  /** The very first browser that signs in is paired by itself. */
  readonly pairFirst: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** A request that the login answers, with what its cookies and its address say. */
export interface Visitor {
  readonly request: GateRequest;
  readonly place: Place;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly language: Language;
  /** It can show a page; everything else gets a few words. */
  readonly isBrowser: boolean;
  readonly session: Session | undefined;
  readonly device: Device | undefined;
  /** The visit cookie as it came. */
  readonly visit: string | undefined;
  /** Where this visitor set out from, at the sign-in origin. */
  readonly errandId: string | undefined;
  readonly errand: Errand | undefined;
}

export type Headers = ReadonlyArray<readonly [string, string]>;

const YEAR_SECONDS = 365 * 86_400;
const MAX_AGE_SECONDS: Readonly<Record<string, number>> = {
  [SESSION_COOKIE]: 30 * 86_400,
  [DEVICE_COOKIE]: YEAR_SECONDS,
  [VISIT_COOKIE]: 3600,
};

export function readVisitor(login: Login, place: Place, request: GateRequest): Visitor {
  const query = new URLSearchParams(request.target.slice(pathOf(request.target).length));
  const sessionSecret = readCookie(request.cookie, SESSION_COOKIE);
  const errandId = place.kind === 'gate' ? (query.get('e') ?? undefined) : undefined;
  const errand = login.visits.findErrand(errandId);
  return {
    request,
    place,
    path: pathOf(request.target),
    query,
    language: chooseLanguage(request.acceptLanguage),
    isBrowser: acceptsPages(request),
    session: sessionSecret === undefined ? undefined : login.store.findSession(sessionSecret, nameOf(place)),
    device: login.store.findDevice(
      readCookie(request.cookie, DEVICE_COOKIE),
      login.places.deviceHostOf(place),
    ),
    visit: readCookie(request.cookie, VISIT_COOKIE),
    errandId: errand && errandId,
    errand,
  };
}

/** The visit cookie, made now if there was none. */
export function ensureVisit(visitor: Visitor): {
  readonly visit: string;
  readonly visitHash: string;
  readonly headers: Headers;
} {
  const visit = visitor.visit ?? makeSecret();
  const headers: Headers = visitor.visit === undefined ? [setCookie(VISIT_COOKIE, visit)] : [];
  return { visit, visitHash: hashSecret(visit), headers };
}

export function setCookie(name: string, secret: string): readonly [string, string] {
  return ['set-cookie', makeCookie(name, secret, MAX_AGE_SECONDS[name] ?? 0)];
}

/** The sign-in's own address, with the errand kept. */
export function signInPathOf(visitor: Visitor): string {
  return visitor.errandId === undefined ? SIGN_IN_PATH : `${SIGN_IN_PATH}?e=${visitor.errandId}`;
}

/** A page for browsers, a line for programs. */
export function refuse(visitor: Visitor, status: ErrorStatus, text: string): GateResponse {
  return visitor.isBrowser
    ? renderErrorPage(status, visitor.request.acceptLanguage)
    : renderText(status, text);
}
