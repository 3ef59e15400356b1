import { renderErrorPage } from '../pages/error-page.ts';
import { renderRedirect } from '../pages/page.ts';
import type { GateResponse } from './contract.ts';
import { SESSION_COOKIE, VISIT_COOKIE, clearCookie } from './cookies.ts';
import { TICKET_PATH, nameOf } from './places.ts';
import { SECRET_PATTERN, hashSecret } from './secrets.ts';
import { type Passage, makeTicket, redeemTicket, startSession } from './sessions.ts';
import { type Login, type Visitor, setCookie } from './visitor.ts';
import type { Errand } from './visits.ts';

/** Where the sign-in origin sends somebody who is signed in: back to the service, with a ticket. */
export function ticketUrl(login: Login, passage: Passage, errand: Errand): string {
  const ticket = makeTicket(login.store, passage, errand.service, errand.visitHash);
  const origin = login.places.find(errand.service)?.origin ?? '';
  return `${origin}${TICKET_PATH}?t=${ticket}`;
}

/**
 * A ticket arrives on a service: it becomes a session there. It fits only the browser that set out from here, so that
 * nobody can sign somebody else in under their own name.
 */
export function answerTicket(login: Login, visitor: Visitor): GateResponse {
  const refused = (): GateResponse => renderErrorPage(403, visitor.request.acceptLanguage);
  const ticket = visitor.query.get('t') ?? '';
  if (visitor.place.kind === 'gate' || visitor.visit === undefined || !SECRET_PATTERN.test(ticket)) {
    return refused();
  }
  const visitHash = hashSecret(visitor.visit);
  const service = nameOf(visitor.place);
  const passage = redeemTicket(login.store, ticket, service, visitHash);
  const device = passage && login.store.snapshot.devices.get(passage.deviceId);
  if (!passage || !device || device.revokedAtMs !== null) return refused();
  const { text } = visitor.request.client;
  const secret = startSession(login.store, passage, service, text);
  const path = login.visits.takePath(visitHash);
  return renderRedirect(`${visitor.place.origin}${path}`, [
    setCookie(SESSION_COOKIE, secret),
    ['set-cookie', clearCookie(VISIT_COOKIE)],
  ]);
}
