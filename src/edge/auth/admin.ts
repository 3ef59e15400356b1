/**
 * What the operator may do with the login: the one interface behind `postern users`, `sessions` and `devices`.
 * The daemon offers it over its control socket (`admin-channel.ts`); without a daemon the CLI opens the store itself.
 * Every method takes one plain object and gives back plain data, so that it travels as JSON.
 * Times are milliseconds since 1970.
 */

export interface UserView {
  readonly name: string;
  readonly createdAtMs: number;
  /** Sessions of this user that are alive. */
  readonly sessions: number;
}

export interface SessionView {
  readonly id: string;
  readonly userName: string;
  readonly service: string;
  readonly deviceId: string;
  readonly deviceName: string;
  /** The address of the sign-in, as the relay claimed it. */
  readonly address: string;
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number;
  /** When it ends without another request: the nearer of the idle and the absolute limit. */
  readonly expiresAtMs: number;
}

export interface DeviceView {
  readonly id: string;
  readonly name: string;
  /** Short name of the browser, such as `Safari on iPhone`. */
  readonly browser: string;
  /** The public name on which it was paired. */
  readonly host: string;
  readonly userName: string | undefined;
  readonly address: string;
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number;
  readonly sessions: number;
  readonly tokens: number;
}

/** A browser that waits for its approval. */
export interface PairingRequestView {
  readonly code: string;
  /** Shown on the new device too; both must be the same. */
  readonly comparison: string;
  readonly host: string;
  readonly address: string;
  readonly browser: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

export interface AuditView {
  readonly atMs: number;
  readonly event: string;
  readonly userName: string | undefined;
  readonly deviceId: string | undefined;
  readonly address: string | undefined;
}

/** The password of a new or changed account. `generatedPassword` is shown once and kept nowhere. */
export interface PasswordResult {
  readonly name: string;
  readonly generatedPassword: string | undefined;
  /** Sessions that the change has ended. */
  readonly endedSessions: number;
}

export interface DeviceRevocation {
  readonly device: DeviceView;
  readonly endedSessions: number;
  readonly endedTokens: number;
}

export interface AuthAdmin {
  listUsers(): Promise<readonly UserView[]>;
  /**
   * @param input.password at least 12 characters; left out: four random words are made and given back
   * @throws AUTH_USER_EXISTS, AUTH_USER_NAME, AUTH_PASSWORD_SHORT, AUTH_PASSWORD_LONG
   */
  addUser(input: { name: string; password?: string | undefined }): Promise<PasswordResult>;
  /** Changes the password and ends the user's sessions. @throws AUTH_USER_UNKNOWN and those of the password */
  setPassword(input: { name: string; password?: string | undefined }): Promise<PasswordResult>;
  /** Removes the user, their sessions and the tokens made in their name. @throws AUTH_USER_UNKNOWN */
  removeUser(input: { name: string }): Promise<{ readonly endedSessions: number }>;

  listSessions(): Promise<readonly SessionView[]>;
  /** @throws AUTH_SESSION_UNKNOWN */
  revokeSession(input: { id: string }): Promise<SessionView>;
  revokeAllSessions(): Promise<{ readonly endedSessions: number }>;

  listDevices(): Promise<readonly DeviceView[]>;
  listRequests(): Promise<readonly PairingRequestView[]>;
  /** One open request, for the operator to look at before it is approved. @throws AUTH_CODE_UNKNOWN */
  findRequest(input: { code: string }): Promise<PairingRequestView>;
  /**
   * Pairs the browser that holds the request's cookie, and no other.
   * @param input.comparison what the operator saw; a request that shows another value is not approved
   * @throws AUTH_CODE_UNKNOWN
   */
  approveRequest(input: { code: string; comparison: string }): Promise<DeviceView>;
  /** @throws AUTH_CODE_UNKNOWN */
  rejectRequest(input: { code: string }): Promise<PairingRequestView>;
  /** @throws AUTH_DEVICE_UNKNOWN, AUTH_DEVICE_NAME */
  renameDevice(input: { id: string; name: string }): Promise<DeviceView>;
  /** Ends the device's cookie, sessions, tokens and live connections. @throws AUTH_DEVICE_UNKNOWN */
  revokeDevice(input: { id: string }): Promise<DeviceRevocation>;
  /** Makes a bearer token; it is given back once and only its hash is kept. @throws AUTH_DEVICE_UNKNOWN */
  makeToken(input: { id: string }): Promise<{ readonly token: string; readonly device: DeviceView }>;

  /** What happened last, newest first. */
  listAudit(input: { limit: number }): Promise<readonly AuditView[]>;
}
