import type { Database } from '../../platform/sqlite.ts';

/** The rows of `state.db` as the login holds them in memory. Times are milliseconds since 1970. */

export interface User {
  readonly name: string;
  readonly passwordHash: string;
  readonly createdAtMs: number;
}

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  /** `null` until its browser has fetched the cookie, and again once it is revoked. */
  readonly secretHash: string | null;
  readonly browser: string;
  readonly address: string;
  readonly userName: string | null;
  readonly createdAtMs: number;
  lastSeenAtMs: number;
  readonly revokedAtMs: number | null;
}

export interface PairingRequest {
  readonly id: string;
  readonly code: string;
  readonly comparison: string;
  readonly visitHash: string;
  readonly host: string;
  readonly address: string;
  readonly bucket: string;
  readonly browser: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly state: 'open' | 'approved' | 'rejected';
  readonly deviceId: string | null;
}

export interface Session {
  readonly id: string;
  readonly secretHash: string;
  readonly deviceId: string;
  readonly service: string;
  readonly userName: string;
  readonly address: string;
  readonly createdAtMs: number;
  lastSeenAtMs: number;
}

export interface Token {
  readonly id: string;
  readonly secretHash: string;
  readonly deviceId: string;
  readonly userName: string | null;
  readonly createdAtMs: number;
}

/** Everything that a decision needs, by the keys it looks for. */
export interface Snapshot {
  readonly users: ReadonlyMap<string, User>;
  readonly devices: ReadonlyMap<string, Device>;
  readonly devicesByHash: ReadonlyMap<string, Device>;
  readonly requests: ReadonlyMap<string, PairingRequest>;
  readonly requestsByVisit: ReadonlyMap<string, PairingRequest>;
  readonly sessions: ReadonlyMap<string, Session>;
  readonly sessionsByHash: ReadonlyMap<string, Session>;
  readonly tokens: ReadonlyMap<string, Token>;
  readonly tokensByHash: ReadonlyMap<string, Token>;
}

const USERS = 'SELECT name, password_hash AS passwordHash, created_at AS createdAtMs FROM users';
const DEVICES = `SELECT id, name, host, secret_hash AS secretHash, browser, address, user_name AS userName,
  created_at AS createdAtMs, last_seen_at AS lastSeenAtMs, revoked_at AS revokedAtMs FROM devices`;
const REQUESTS = `SELECT id, code, comparison, visit_hash AS visitHash, host, address, bucket, browser,
  created_at AS createdAtMs, expires_at AS expiresAtMs, state, device_id AS deviceId FROM pairing_requests`;
const SESSIONS = `SELECT id, secret_hash AS secretHash, device_id AS deviceId, service, user_name AS userName, address,
  created_at AS createdAtMs, last_seen_at AS lastSeenAtMs FROM sessions`;
const TOKENS = `SELECT id, secret_hash AS secretHash, device_id AS deviceId, user_name AS userName,
  created_at AS createdAtMs FROM tokens`;

/** Reads all of it. Few rows by nature: people, their browsers, and a bounded number of strangers' requests. */
export function loadSnapshot(database: Database): Snapshot {
  const read = <T>(sql: string): T[] => database.prepare(sql).all() as unknown as T[];
  const devices = read<Device>(DEVICES);
  const requests = read<PairingRequest>(REQUESTS);
  const sessions = read<Session>(SESSIONS);
  const tokens = read<Token>(TOKENS);
  return {
    users: by(read<User>(USERS), (user) => user.name),
    devices: by(devices, (device) => device.id),
    devicesByHash: by(devices, (device) => device.secretHash),
    requests: by(requests, (request) => request.id),
    requestsByVisit: by(requests, (request) => request.visitHash),
    sessions: by(sessions, (session) => session.id),
    sessionsByHash: by(sessions, (session) => session.secretHash),
    tokens: by(tokens, (token) => token.id),
    tokensByHash: by(tokens, (token) => token.secretHash),
  };
}

function by<T>(rows: readonly T[], keyOf: (row: T) => string | null): Map<string, T> {
  const map = new Map<string, T>();
  for (const row of rows) {
    const key = keyOf(row);
    if (key !== null) map.set(key, row);
  }
  return map;
}
