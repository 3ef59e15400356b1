import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Database } from '../../platform/sqlite.ts';
import { renderRefusal } from '../pages/error-page.ts';
import { createAuthAdmin } from './admin-store.ts';
import type { AuthAdmin } from './admin.ts';
import type { GateRequest, GateResponse, Gatekeeper } from './contract.ts';
import { isOwnCookie, withoutOwnCookies } from './cookies.ts';
import { decide } from './decide.ts';
import { answerNothing, answerSignOut, leadToSignIn, showHome, showSignIn } from './gate-pages.ts';
import { HashQueue } from './hash-queue.ts';
import { answerTicket } from './passage.ts';
import { DEFAULT_COST, type ScryptCost, fitsPassword } from './passwords.ts';
import {
  HOME_PATH,
  type LoginService,
  Places,
  SIGN_IN_PATH,
  SIGN_OUT_PATH,
  TICKET_PATH,
  isReserved,
} from './places.ts';
import { answerSignIn } from './sign-in.ts';
import { AuthStore } from './store.ts';
import { AccountDelay, FailureThrottle } from './throttle.ts';
import { type Login, type Visitor, readVisitor, refuse } from './visitor.ts';
import { Visits } from './visits.ts';

export interface GatekeeperOptions {
  /** `state.db`, opened with `STATE_MIGRATIONS`. */
  readonly database: Database;
  readonly services: readonly LoginService[];
  /** Name of the sign-in origin that no service shares, if there is one. */
  readonly gate: string | undefined;
  /** The port that visitors see in the URL. */
  readonly publicPort: number;
  readonly clock: Clock;
  readonly log: Log;
  /** The very first browser that signs in is paired by itself; every further one needs approval. Default false. */
  readonly pairFirst?: boolean;
  /** Of password hashes made and awaited from now on. Default: OWASP's. */
  readonly cost?: ScryptCost;
  /** Compares a password with its hash; tests count the calls. */
  readonly fitsPassword?: (password: string, phc: string) => Promise<boolean>;
}

/** The login of a daemon: the edge's side, and the operator's side on the same state. */
export interface LoginGatekeeper extends Gatekeeper {
  readonly admin: AuthAdmin;
  /** Stops the timers and writes down what is only in memory. The database stays open. */
  close(): void;
}

/** Makes the login on a database. */
export function createGatekeeper(options: GatekeeperOptions): LoginGatekeeper {
  const { clock, log } = options;
  const store = new AuthStore(options.database, clock, log);
  const login: Login = {
    store,
    places: new Places(options.services, options.gate, options.publicPort),
    throttle: new FailureThrottle(clock),
    delay: new AccountDelay(clock),
    hashes: new HashQueue(),
    visits: new Visits(clock),
    cost: options.cost ?? DEFAULT_COST,
    fitsPassword: options.fitsPassword ?? fitsPassword,
    pairFirst: options.pairFirst ?? false,
    clock,
    log,
  };
  return {
    decide: (facts) => decide(login, facts),
    noteUse: (principal) => store.noteUse(principal),
    answer: (request) => answer(login, request),
    withoutOwnCookies,
    isOwnCookie,
    onRevocation: (callback) => store.onRevocation(callback),
    admin: createAuthAdmin(store, options.cost),
    close: () => store.close(),
  };
}

async function answer(login: Login, request: GateRequest): Promise<GateResponse> {
  const place = login.places.find(request.serviceName);
  if (!place) return renderRefusal(404, request);
  const visitor = readVisitor(login, place, request);
  const response = await route(login, visitor);
  return request.method === 'HEAD' ? { ...response, body: '' } : response;
}

function route(login: Login, visitor: Visitor): GateResponse | Promise<GateResponse> {
  const { place, path } = visitor;
  const method = visitor.request.method === 'HEAD' ? 'GET' : visitor.request.method;
  if (visitor.request.serviceWorker !== undefined) return refuse(visitor, 403, 'Not here.');
  if (place.kind === 'service' && place.service.access === 'none') return answerNothing(visitor);
  if (!isReserved(path) && place.kind === 'service') return leadToSignIn(login, visitor);
  const isElsewhere = place.kind === 'service' && login.places.gate !== undefined;
  switch (`${method} ${path}`) {
    case `GET ${SIGN_IN_PATH}`:
      return showSignIn(login, visitor);
    case `POST ${SIGN_IN_PATH}`:
      return isElsewhere ? answerNothing(visitor) : answerSignIn(login, visitor);
    case `POST ${SIGN_OUT_PATH}`:
      return answerSignOut(login, visitor);
    case `GET ${TICKET_PATH}`:
      return answerTicket(login, visitor);
    case `GET ${HOME_PATH}`:
    case 'GET /':
      return showHome(login, visitor);
    default:
      return answerNothing(visitor);
  }
}
