import { randomBytes } from 'node:crypto';
import { CHALLENGE, renderErrorPage } from '../pages/error-page.ts';
import { renderRedirect, renderText } from '../pages/page.ts';
import { renderSignInPage } from '../pages/sign-in-page.ts';
import { renderGoOnPage } from '../pages/signed-in-page.ts';
import { normalizeUserName } from './admin-store.ts';
import type { GateResponse } from './contract.ts';
import { DEVICE_COOKIE, SESSION_COOKIE, VISIT_COOKIE, clearCookie, hasOwnCookie } from './cookies.ts';
import { type FormFields, readForm } from './form.ts';
import { answerNewDevice, isPairingOff, mayTryPassword, newcomerOf } from './pairing-answers.ts';
import { pairBySignIn } from './pairing.ts';
import { ticketUrl } from './passage.ts';
import type { ScryptCost } from './passwords.ts';
import { HOME_PATH, nameOf } from './places.ts';
import type { Device, User } from './records.ts';
import { hashSecret } from './secrets.ts';
import { startSession } from './sessions.ts';
import { type Headers, type Login, type Visitor, refuse, setCookie, signInPathOf } from './visitor.ts';

/** The form is posted: origin → device → limits → password → session. */
export async function answerSignIn(login: Login, visitor: Visitor): Promise<GateResponse> {
  if (!isOwnForm(visitor)) return refuse(visitor, 403, 'The request came from another origin.');
  if (!mayTryPassword(login, visitor)) return answerNewDevice(login, visitor);
  const form = await readForm(visitor.request, ['user', 'password']);
  if (form.kind === 'refused') return refuse(visitor, form.status, 'Send user and password as a form.');
  const bucket = visitor.device ? `device ${visitor.device.id}` : `address ${visitor.request.client.bucket}`;
  const permit = login.throttle.take(bucket);
  if (!permit.ok) return answerLimited(visitor, permit.retryAfterSeconds);
  const result = await checkPassword(login, visitor, form.fields, visitor.device ? bucket : 'strangers');
  if (result.kind !== 'wrong') permit.refund();
  switch (result.kind) {
    case 'busy':
      return answerAgain(visitor, 'busy', undefined);
    case 'wrong':
      return answerAgain(visitor, 'wrong', form.fields.user);
    case 'right':
      return letIn(login, visitor, result.user);
    default:
      return result satisfies never;
  }
}

/**
 * Every form has to come from its own origin. Browsers always say so on a POST; a program that says nothing and sends no
 * cookie of ours has nothing that a foreign page could misuse.
 */
function isOwnForm({ request, place }: Visitor): boolean {
  if (request.origin !== undefined) return request.origin === place.origin;
  return request.secFetchSite === undefined && !hasOwnCookie(request.cookie);
}

type PasswordCheck =
  | { readonly kind: 'right'; readonly user: User }
  | { readonly kind: 'wrong' }
  /** Not checked: too many are being checked already. */
  | { readonly kind: 'busy' };

const DELAYED_MOST = 64;

/** @param asWhom whose failures on the account count: a paired device's, or those of all strangers together */
async function checkPassword(
  login: Login,
  visitor: Visitor,
  fields: FormFields<'user' | 'password'>,
  asWhom: string,
): Promise<PasswordCheck> {
  const name = normalizeUserName(fields.user).slice(0, 64);
  const account = `${asWhom} ${name}`;
  if (!(await login.delay.wait(account, visitor.device ? Infinity : DELAYED_MOST))) return { kind: 'busy' };
  login.store.refresh();
  const user = login.store.snapshot.users.get(name);
  // An unknown user costs the same hash as a known one, so the time says nothing.
  const phc = user?.passwordHash ?? makeUnfittingHash(login.cost);
  const rank = visitor.device ? 'paired' : 'stranger';
  const fits = await login.hashes.run(rank, () => login.fitsPassword(fields.password, phc));
  if (fits === undefined) return { kind: 'busy' };
  // The account may have changed while the hash ran.
  const isSame =
    user !== undefined && login.store.snapshot.users.get(name)?.passwordHash === user.passwordHash;
  if (fits && isSame) {
    login.delay.forget(account);
    return { kind: 'right', user };
  }
  login.delay.addFailure(account);
  noteFailure(login, visitor, user);
  return { kind: 'wrong' };
}

/** What a stranger typed as a name is not kept: it may be a password in the wrong field. */
function noteFailure(login: Login, visitor: Visitor, user: User | undefined): void {
  const { text } = visitor.request.client;
  login.store.record({
    event: 'sign-in-failed',
    userName: user?.name,
    deviceId: visitor.device?.id,
    address: text,
  });
  login.log.warn({ address: text, device: visitor.device?.id }, 'a sign-in failed');
}

/** A hash in the right form that no password fits. */
function makeUnfittingHash(cost: ScryptCost): string {
  const text = (bytes: number): string => randomBytes(bytes).toString('base64').replaceAll('=', '');
  return `$scrypt$ln=${cost.logN},r=${cost.r},p=${cost.p}$${text(16)}$${text(32)}`;
}

/** The password was right: a device if there is none yet, and a session under a new secret. */
function letIn(login: Login, visitor: Visitor, user: User): GateResponse {
  const paired = pairIfNew(login, visitor);
  if (!paired) return answerNewDevice(login, visitor);
  const { device } = paired;
  const { text } = visitor.request.client;
  const passage = { deviceId: device.id, userName: user.name, signedInAtMs: login.clock.nowMs() };
  const secret = startSession(login.store, passage, nameOf(visitor.place), text);
  login.log.info({ address: text, device: device.id, user: user.name }, 'signed in');
  const headers: Headers = [setCookie(SESSION_COOKIE, secret), clearCookieHeader(), ...paired.headers];
  if (!visitor.isBrowser) return renderText(200, 'Signed in.', headers);
  const { place, errand } = visitor;
  if (errand) {
    return renderGoOnPage(visitor.language, ticketUrl(login, passage, errand), headers);
  }
  const visitHash = visitor.visit === undefined ? undefined : hashSecret(visitor.visit);
  const path = place.kind === 'gate' ? HOME_PATH : login.visits.takePath(visitHash);
  return renderRedirect(`${place.origin}${path}`, headers);
}

function pairIfNew(login: Login, visitor: Visitor): { device: Device; headers: Headers } | undefined {
  if (visitor.device) {
    // It may have been revoked while the password was being checked.
    const device = login.store.snapshot.devices.get(visitor.device.id);
    return device && device.revokedAtMs === null ? { device, headers: [] } : undefined;
  }
  const paired = pairBySignIn(login.store, newcomerOf(login, visitor), !isPairingOff(login, visitor));
  return paired && { device: paired.device, headers: [setCookie(DEVICE_COOKIE, paired.secret)] };
}

function clearCookieHeader(): readonly [string, string] {
  return ['set-cookie', clearCookie(VISIT_COOKIE)];
}

function answerLimited(visitor: Visitor, retryAfterSeconds: number): GateResponse {
  if (visitor.isBrowser) return renderErrorPage(429, visitor.request.acceptLanguage, retryAfterSeconds);
  return renderText(429, 'Too many attempts.', [['retry-after', String(retryAfterSeconds)]]);
}

function answerAgain(
  visitor: Visitor,
  problem: 'wrong' | 'busy',
  userName: string | undefined,
): GateResponse {
  const headers: Headers = problem === 'wrong' ? [CHALLENGE] : [['retry-after', '5']];
  if (!visitor.isBrowser) {
    return problem === 'wrong'
      ? renderText(401, 'Name or password is wrong.', headers)
      : renderText(503, 'Busy. Try again in a moment.', headers);
  }
  const { language } = visitor;
  return renderSignInPage({ language, action: signInPathOf(visitor), problem, userName, headers });
}
