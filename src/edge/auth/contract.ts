/**
 * What the edge asks of the login. The edge's server knows nothing of users, cookies or passwords;
 * the login knows nothing of sockets.
 */

/** A client address as the relay claims it: for limits and logs, never for a permission. */
export interface ClientAddress {
  /** Canonical text, or `unknown` for loopback, private, own and unreadable addresses. */
  readonly text: string;
  /** The bucket of limits: the address, its /64 for IPv6, or `unknown`. */
  readonly bucket: string;
}

/** What a decision is made on. Header values are raw, as they came; a field that came twice is a refused request before this. */
export interface RequestFacts {
  /** Public name of the service, or of the gate. */
  readonly serviceName: string;
  readonly method: string;
  /** Request target as it came: path and query. */
  readonly target: string;
  readonly client: ClientAddress;
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
  readonly origin: string | undefined;
  /** A WebSocket handshake (RFC 6455, or RFC 8441 over HTTP/2). */
  readonly isUpgrade: boolean;
  readonly accept: string | undefined;
  readonly acceptLanguage: string | undefined;
  readonly userAgent: string | undefined;
  readonly secFetchSite: string | undefined;
  /** What a browser fetches it for: `document`, `iframe`, `image`, `empty` for a script's own requests … */
  readonly secFetchDest: string | undefined;
  /** The Service-Worker field: `script` when a browser fetches the script of one. */
  readonly serviceWorker: string | undefined;
}

/** Who a request belongs to; live connections are closed by it when it is revoked. */
export interface Principal {
  readonly kind: 'session' | 'token' | 'guest' | 'open';
  readonly id: string;
  /** The paired device behind it. */
  readonly deviceId: string | undefined;
  readonly userName: string | undefined;
}

/**
 * The answer of `decide`; the edge's switch over it is exhaustive and denies by default.
 * allow      pass it on; `removeAuthorization` when the Authorization field was ours
 * gate       the login answers this request itself: reserved paths, and strangers that may be shown the sign-in
 * deny       a refusal that says its status alone, the same for everybody
 * limited    429 with Retry-After
 */
export type Decision =
  | { readonly kind: 'allow'; readonly principal: Principal; readonly removeAuthorization: boolean }
  | { readonly kind: 'gate' }
  | { readonly kind: 'deny'; readonly status: 401 | 403 | 404 }
  | { readonly kind: 'limited'; readonly retryAfterSeconds: number };

/** A request that the login answers itself. */
export interface GateRequest extends RequestFacts {
  /** `https://NAME[:PORT]`, the origin the visitor sees. */
  readonly ownOrigin: string;
  readonly contentType: string | undefined;
  /** Reads the whole body; rejects when it is over `maxBytes`. */
  readBody(maxBytes: number): Promise<Uint8Array>;
}

export interface GateResponse {
  readonly status: number;
  /** Field names in lower case; `set-cookie` may stand more than once. */
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly body: string | Uint8Array;
}

/** Whose live connections must end: everything of a session, a token, a device, or of everybody. */
export type Revocation =
  | { readonly kind: 'session' | 'token' | 'guest' | 'device'; readonly id: string }
  | { readonly kind: 'everything' };

export interface Gatekeeper {
  /** Runs for every request, so it is synchronous and reads memory only. */
  decide(facts: RequestFacts): Decision;
  /**
   * Something of this principal is still running, such as a WebSocket: that counts as use, as a request does. Called
   * once a minute for each; memory only.
   */
  noteUse(principal: Principal): void;
  /** Answers what `decide` called `gate`. */
  answer(request: GateRequest): Promise<GateResponse>;
  /** The visitor's Cookie field without our cookies; `undefined` when nothing is left. */
  withoutOwnCookies(cookie: string): string | undefined;
  /** Is this a name that a service must not set? (`Set-Cookie` of the service.) */
  isOwnCookie(cookieName: string): boolean;
  /** Calls back within 1 s of a revocation, also of one made by another process. Returns the way to stop that. */
  onRevocation(callback: (revocation: Revocation) => void): () => void;
}
