import { CHALLENGE, renderErrorPage } from '../pages/error-page.ts';
import { renderRedirect, renderText } from '../pages/page.ts';
import { renderSignInPage } from '../pages/sign-in-page.ts';
import { renderSignedInPage, renderSignedOutPage } from '../pages/signed-in-page.ts';
import type { GateResponse } from './contract.ts';
import { SESSION_COOKIE, clearCookie } from './cookies.ts';
import { answerNewDevice, mayTryPassword } from './pairing-answers.ts';
import { closeRequest, findRequest } from './pairing.ts';
import { ticketUrl } from './passage.ts';
import { HOME_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, nameOf } from './places.ts';
import { endSessionsOfDevice } from './sessions.ts';
import { type Login, type Visitor, ensureVisit, refuse, signInPathOf } from './visitor.ts';

/** A stranger asked for a page of a service: people are led to the sign-in, programs are told. */
export function leadToSignIn(login: Login, visitor: Visitor): GateResponse {
  if (!visitor.isBrowser) return renderText(401, 'Sign in first.', [CHALLENGE]);
  const { visitHash, headers } = ensureVisit(visitor);
  if (visitor.path !== SIGN_IN_PATH) login.visits.rememberPath(visitHash, visitor.request.target);
  if (login.places.gateOrigin === undefined) {
    return renderRedirect(`${visitor.place.origin}${SIGN_IN_PATH}`, headers);
  }
  const errandId = login.visits.startErrand({ service: nameOf(visitor.place), visitHash });
  return renderRedirect(`${login.places.gateOrigin}${SIGN_IN_PATH}?e=${errandId}`, headers);
}

/** The sign-in's page: code, form, or on to where the visitor wanted to go. */
export function showSignIn(login: Login, visitor: Visitor): GateResponse {
  if (visitor.session) return answerSignedIn(login, visitor);
  if (login.places.gate !== undefined && visitor.place.kind === 'service')
    return leadToSignIn(login, visitor);
  if (!mayTryPassword(login, visitor)) return answerNewDevice(login, visitor);
  if (visitor.device) forgetRequest(login, visitor);
  return renderSignInPage({ language: visitor.language, action: signInPathOf(visitor) });
}

function answerSignedIn(login: Login, visitor: Visitor): GateResponse {
  const { session, errand, place } = visitor;
  if (!session || !errand) return renderRedirect(`${place.origin}${HOME_PATH}`);
  const { deviceId, userName, createdAtMs } = session;
  return renderRedirect(ticketUrl(login, { deviceId, userName, signedInAtMs: createdAtMs }, errand));
}

/** The device cookie has come back, so its request is over. */
function forgetRequest(login: Login, visitor: Visitor): void {
  const host = login.places.deviceHostOf(visitor.place);
  const request = findRequest(login.store, visitor.visit, host);
  if (request) closeRequest(login.store, request);
}

/** Who is signed in here. */
export function showHome(login: Login, visitor: Visitor): GateResponse {
  const { session, place, language } = visitor;
  if (!session) {
    return visitor.isBrowser
      ? renderRedirect(`${place.origin}${SIGN_IN_PATH}`)
      : renderText(401, 'Sign in first.', [CHALLENGE]);
  }
  const links =
    place.kind === 'gate'
      ? login.places.loginServices().map(({ name, origin }) => ({ name, href: `${origin}/` }))
      : [{ name: nameOf(place), href: '/' }];
  const deviceName = login.store.snapshot.devices.get(session.deviceId)?.name ?? '';
  return renderSignedInPage({
    language,
    userName: session.userName,
    deviceName,
    links,
    signOutAction: SIGN_OUT_PATH,
  });
}

/** Ends every session of this device, and needs to come from a page of this origin. */
export function answerSignOut(login: Login, visitor: Visitor): GateResponse {
  const { session, place, request } = visitor;
  if (request.origin !== place.origin) return refuse(visitor, 403, 'The request came from another origin.');
  if (session) {
    endSessionsOfDevice(login.store, session.deviceId);
    login.store.record({ event: 'sign-out', userName: session.userName, deviceId: session.deviceId });
  }
  const headers = [['set-cookie', clearCookie(SESSION_COOKIE)]] as const;
  if (!visitor.isBrowser) return renderText(200, 'Signed out.', headers);
  return renderSignedOutPage(visitor.language, SIGN_IN_PATH, headers);
}

export function answerNothing(visitor: Visitor): GateResponse {
  return visitor.isBrowser
    ? renderErrorPage(404, visitor.request.acceptLanguage)
    : renderText(404, 'Not found.');
}
