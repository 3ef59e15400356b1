/** What the login has to know of a published service. */
export interface LoginService {
  /** Public host name, lower case. */
  readonly name: string;
  /** `none` was written by hand: anybody may use it. */
  readonly access: 'login' | 'none';
  /** `required`: a new browser is approved at home before it may try a password. */
  readonly pairing: 'required' | 'off';
}

/** A host name that visitors arrive on. */
export type Place =
  | { readonly kind: 'service'; readonly service: LoginService; readonly origin: string }
  | { readonly kind: 'gate'; readonly name: string; readonly origin: string };

/** Below it the login answers itself, on every host that has a login. */
export const RESERVED_PREFIX = '/.postern';
export const SIGN_IN_PATH = `${RESERVED_PREFIX}/sign-in`;
export const SIGN_OUT_PATH = `${RESERVED_PREFIX}/sign-out`;
export const TICKET_PATH = `${RESERVED_PREFIX}/ticket`;
export const HOME_PATH = `${RESERVED_PREFIX}/`;

/** The hosts of this home and where their visitors sign in. */
export class Places {
  readonly gateOrigin: string | undefined;
  readonly gate: string | undefined;
  readonly #byName: ReadonlyMap<string, Place>;

  /**
   * @param gate name of the sign-in origin that no service shares, if there is one
   * @param publicPort the port in the URL; 443 is left out
   */
  constructor(services: readonly LoginService[], gate: string | undefined, publicPort: number) {
    const originOf = (name: string): string => `https://${name}${publicPort === 443 ? '' : `:${publicPort}`}`;
    const byName = new Map<string, Place>();
    for (const service of services) {
      byName.set(service.name, { kind: 'service', service, origin: originOf(service.name) });
    }
    if (gate !== undefined) byName.set(gate, { kind: 'gate', name: gate, origin: originOf(gate) });
    this.#byName = byName;
    this.gate = gate;
    this.gateOrigin = gate === undefined ? undefined : originOf(gate);
  }

  find(name: string): Place | undefined {
    return this.#byName.get(name);
  }

  /** No service with a login requires pairing. */
  get isPairingOffEverywhere(): boolean {
    return [...this.#byName.values()].every(
      (place) => place.kind === 'gate' || place.service.access === 'none' || place.service.pairing === 'off',
    );
  }

  /** The services with a login, as links for somebody who is signed in. */
  loginServices(): readonly { readonly name: string; readonly origin: string }[] {
    return [...this.#byName.values()].flatMap((place) =>
      place.kind === 'service' && place.service.access === 'login'
        ? [{ name: place.service.name, origin: place.origin }]
        : [],
    );
  }

  /** The host whose device cookie counts for a place: the gate's, where there is one. */
  deviceHostOf(place: Place): string {
    return this.gate ?? nameOf(place);
  }
}

export function nameOf(place: Place): string {
  return place.kind === 'gate' ? place.name : place.service.name;
}

/** The path of a request target, as it came. */
export function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  return end < 0 ? target : target.slice(0, end);
}

/** Is the path ours? Other spellings of it are not, and reach the service like any path: after a decision. */
export function isReserved(path: string): boolean {
  return path === RESERVED_PREFIX || path.startsWith(`${RESERVED_PREFIX}/`);
}
