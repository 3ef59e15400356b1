import { renderErrorPage } from '../pages/error-page.ts';
import { renderPairingEndPage, renderPairingLimitPage, renderPairingPage } from '../pages/pairing-page.ts';
import { renderRedirect, renderText } from '../pages/page.ts';
import type { GateResponse } from './contract.ts';
import { DEVICE_COOKIE } from './cookies.ts';
import {
  type Newcomer,
  claimDevice,
  findRequest,
  hasEverPaired,
  openRequest,
  standingOf,
} from './pairing.ts';
import type { PairingRequest } from './records.ts';
import { showCode, showComparison } from './secrets.ts';
import {
  type Headers,
  type Login,
  type Visitor,
  ensureVisit,
  refuse,
  setCookie,
  signInPathOf,
} from './visitor.ts';

/** May this visitor try a password? Only a paired device may, unless the owner has switched pairing off. */
export function mayTryPassword(login: Login, visitor: Visitor): boolean {
  return visitor.device !== undefined || isPairingOff(login, visitor) || isFirstDevice(login);
}

/** The demo: nobody was ever paired, so whoever knows the password becomes the first. */
export function isFirstDevice(login: Login): boolean {
  return login.pairFirst && !hasEverPaired(login.store);
}

/** The sign-in origin serves all services, so one that requires pairing is enough. */
export function isPairingOff(login: Login, visitor: Visitor): boolean {
  const { place } = visitor;
  return place.kind === 'gate' ? login.places.isPairingOffEverywhere : place.service.pairing === 'off';
}

export function newcomerOf(login: Login, visitor: Visitor): Newcomer {
  return {
    host: login.places.deviceHostOf(visitor.place),
    client: visitor.request.client,
    userAgent: visitor.request.userAgent,
  };
}

/** What a device that is not paired gets: its code, or the cookie once it was approved. */
export function answerNewDevice(login: Login, visitor: Visitor): GateResponse {
  const host = login.places.deviceHostOf(visitor.place);
  const request = findRequest(login.store, visitor.visit, host);
  if (!request) return answerWithNewCode(login, visitor);
  const standing = standingOf(request, login.clock.nowMs());
  switch (standing) {
    case 'open':
      login.store.noteAsked(request.id);
      return showRequest(visitor, request, []);
    case 'approved':
      return answerApproved(login, visitor, request);
    case 'rejected':
      return visitor.isBrowser
        ? renderPairingEndPage(visitor.language, 'rejected')
        : renderText(403, 'The owner turned this device away.');
    case 'expired':
      return answerExpired(login, visitor);
    default:
      return standing satisfies never;
  }
}

/** Only what a person looks at opens a request: images and frames of a foreign page could use up an address's places. */
function answerWithNewCode(login: Login, visitor: Visitor): GateResponse {
  const { secFetchDest = 'document' } = visitor.request;
  if (secFetchDest !== 'document') return refuse(visitor, 403, 'Open this address in a window of its own.');
  const { visit, headers } = ensureVisit(visitor);
  const opened = openRequest(login.store, visit, newcomerOf(login, visitor));
  if (opened.kind === 'request') return showRequest(visitor, opened.request, headers);
  const { retryAfterSeconds } = opened;
  if (visitor.isBrowser) return renderPairingLimitPage(visitor.language, retryAfterSeconds);
  return renderText(429, 'Too many devices are waiting from this network.', [
    ['retry-after', String(retryAfterSeconds)],
  ]);
}

function showRequest(visitor: Visitor, request: PairingRequest, headers: Headers): GateResponse {
  const code = showCode(request.code);
  const comparison = showComparison(request.comparison);
  if (visitor.isBrowser) {
    const self = signInPathOf(visitor);
    return renderPairingPage({ language: visitor.language, code, comparison, self, headers });
  }
  const text = `This device is new here. Code: ${code}  Check number: ${comparison}
When the owner has approved it, fetch this address again with the same cookies, then sign in.`;
  return renderText(403, text, headers);
}

/** The device cookie goes to the browser that holds the request's cookie, which brought it here. */
function answerApproved(login: Login, visitor: Visitor, request: PairingRequest): GateResponse {
  const secret = claimDevice(login.store, request);
  if (secret === undefined) return renderErrorPage(403, visitor.request.acceptLanguage);
  const cookie = setCookie(DEVICE_COOKIE, secret);
  if (visitor.isBrowser) return renderRedirect(`${visitor.place.origin}${signInPathOf(visitor)}`, [cookie]);
  return renderText(200, 'This device is approved. Sign in now with the same cookies.', [cookie]);
}

function answerExpired(login: Login, visitor: Visitor): GateResponse {
  if (!visitor.isBrowser || visitor.query.has('again')) return answerWithNewCode(login, visitor);
  const self = signInPathOf(visitor);
  const again = `${self}${self.includes('?') ? '&' : '?'}again=1`;
  return renderPairingEndPage(visitor.language, 'expired', again);
}
