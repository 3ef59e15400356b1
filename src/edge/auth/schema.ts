import type { Migration } from '../../platform/sqlite.ts';

/**
 * The tables of `state.db`. Steps are only ever appended. Times are milliseconds since 1970.
 * Of every secret only the SHA-256 is kept; passwords are scrypt strings.
 */
export const STATE_MIGRATIONS: readonly Migration[] = [
  `
  CREATE TABLE users (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    secret_hash TEXT UNIQUE,
    browser TEXT NOT NULL,
    address TEXT NOT NULL,
    user_name TEXT,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    revoked_at INTEGER
  ) STRICT;

  CREATE TABLE pairing_requests (
    id TEXT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    comparison TEXT NOT NULL,
    visit_hash TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    address TEXT NOT NULL,
    bucket TEXT NOT NULL,
    browser TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'rejected')),
    device_id TEXT REFERENCES devices (id) ON DELETE CASCADE
  ) STRICT;

  CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    service TEXT NOT NULL,
    user_name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    user_name TEXT REFERENCES users (name) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE tickets (
    secret_hash TEXT PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    user_name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    service TEXT NOT NULL,
    visit_hash TEXT NOT NULL,
    signed_in_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    user_name TEXT,
    device_id TEXT,
    address TEXT
  ) STRICT;
  `,
  // 0: paired by its password alone, where pairing is off or as the very first device.
  'ALTER TABLE devices ADD COLUMN approved INTEGER NOT NULL DEFAULT 1;',
];
