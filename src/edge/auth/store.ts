import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Database } from '../../platform/sqlite.ts';
import type { AuditView } from './admin.ts';
import type { Principal, Revocation } from './contract.ts';
import { type Device, type Session, type Snapshot, type Token, loadSnapshot } from './records.ts';
import { hashSecret } from './secrets.ts';

export const SESSION_IDLE_MS = 7 * 86_400_000;
export const SESSION_ABSOLUTE_MS = 30 * 86_400_000;
/** How long a device that nobody approved is remembered after its last use. */
const UNAPPROVED_DEVICE_MS = 30 * 86_400_000;

const POLL_MS = 250;
const SWEEP_MS = 30_000;
const AUDIT_KEPT = 10_000;
const AUDIT_FAILURES_KEPT = 1000;

/** Runs one statement and returns how many rows it changed. */
export type Run = (sql: string, ...values: SQLInputValue[]) => number;

/** What is written down of an event; never a secret, nor what a stranger typed. */
export interface AuditEntry {
  readonly event: string;
  readonly userName?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly address?: string | undefined;
}

/**
 * The login's state: `state.db` on disk and a snapshot of it in memory, so that a decision reads memory only.
 * Every change, ours or another process's, ends in a new snapshot; what the old one had and the new one lacks is a revocation.
 */
export class AuthStore {
  readonly clock: Clock;
  readonly #database: Database;
  readonly #log: Log;
  readonly #versionStatement: StatementSync;
  readonly #timers: readonly Timer[];
  readonly #listeners = new Set<(revocation: Revocation) => void>();
  readonly #touched = new Set<Session | Device>();
  readonly #askedAtMs = new Map<string, number>();
  #snapshot: Snapshot;
  #dataVersion: number;

  constructor(database: Database, clock: Clock, log: Log) {
    this.clock = clock;
    this.#log = log;
    this.#database = database;
    this.#versionStatement = database.prepare('PRAGMA data_version');
    this.#dataVersion = this.#readDataVersion();
    this.#snapshot = loadSnapshot(database);
    this.#timers = [
      clock.every(POLL_MS, () => this.#keepRunning(() => this.refresh())),
      clock.every(SWEEP_MS, () => this.#keepRunning(() => this.sweep())),
    ];
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The session of a cookie on a service, if it is alive. A look-up counts as use. */
  findSession(secret: string, service: string): Session | undefined {
    const hash = hashSecret(secret);
    const find = (): Session | undefined => this.#snapshot.sessionsByHash.get(hash);
    const session = find() ?? this.#findAfterRefresh(find);
    if (!session || session.service !== service || this.hasExpired(session)) return undefined;
    this.#touch(session);
    return session;
  }

  /** The token with that secret part. */
  findToken(secret: string): Token | undefined {
    const hash = hashSecret(secret);
    const find = (): Token | undefined => this.#snapshot.tokensByHash.get(hash);
    const token = find() ?? this.#findAfterRefresh(find);
    const device = token && this.#snapshot.devices.get(token.deviceId);
    if (device) this.#touch(device);
    return token;
  }

  /** The paired device of a cookie on the host that paired it. */
  findDevice(secret: string | undefined, host: string): Device | undefined {
    if (secret === undefined) return undefined;
    const device = this.#snapshot.devicesByHash.get(hashSecret(secret));
    if (!device || device.host !== host || device.revokedAtMs !== null) return undefined;
    this.#touch(device);
    return device;
  }

  /** What is still running counts as use, as a look-up does. */
  noteUse({ kind, id, deviceId }: Principal): void {
    const session = kind === 'session' ? this.#snapshot.sessions.get(id) : undefined;
    if (session && !this.hasExpired(session)) this.#touch(session);
    const device = deviceId === undefined ? undefined : this.#snapshot.devices.get(deviceId);
    if (device) this.#touch(device);
  }

  /** Idle for 7 days, or 30 days old. */
  hasExpired(session: Session): boolean {
    return this.clock.nowMs() >= expiryOf(session);
  }

  /** A browser has asked again whether its request was approved. */
  noteAsked(requestId: string): void {
    this.#askedAtMs.set(requestId, this.clock.monotonicMs());
  }

  /** Milliseconds since a browser last asked for its request. */
  silentForMs(requestId: string): number {
    return this.clock.monotonicMs() - (this.#askedAtMs.get(requestId) ?? -Infinity);
  }

  /** Changes the database in one transaction and takes a new snapshot. */
  write<T>(change: (run: Run) => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    let result: T;
    try {
      result = change((sql, ...values) => Number(this.#database.prepare(sql).run(...values).changes));
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#reload();
    return result;
  }

  /** One row, as it is. */
  readRow(sql: string, ...values: SQLInputValue[]): Record<string, unknown> | undefined {
    return this.#database.prepare(sql).get(...values);
  }

  /** Takes what another process wrote. @returns whether there was anything */
  refresh(): boolean {
    const version = this.#readDataVersion();
    if (version === this.#dataVersion) return false;
    this.#dataVersion = version;
    this.#reload();
    return true;
  }

  record(entry: AuditEntry): void {
    this.#database
      .prepare('INSERT INTO audit (at, event, user_name, device_id, address) VALUES (?, ?, ?, ?, ?)')
      .run(
        this.clock.nowMs(),
        entry.event,
        entry.userName ?? null,
        entry.deviceId ?? null,
        entry.address ?? null,
      );
  }

  /** The newest entries first. */
  readAudit(limit: number): AuditView[] {
    const rows = this.#database
      .prepare(
        `SELECT at AS atMs, event, user_name AS userName, device_id AS deviceId, address FROM audit
          ORDER BY id DESC LIMIT ?`,
      )
      .all(limit) as unknown as Record<keyof AuditView, never>[];
    return rows.map((row) => ({
      atMs: row.atMs,
      event: row.event,
      userName: row.userName ?? undefined,
      deviceId: row.deviceId ?? undefined,
      address: row.address ?? undefined,
    }));
  }

  onRevocation(callback: (revocation: Revocation) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  /** Writes down when sessions and devices were last seen, and removes what has run out. */
  sweep(): void {
    const nowMs = this.clock.nowMs();
    this.#saveTouched();
    this.write((run) => {
      run(
        'DELETE FROM sessions WHERE last_seen_at <= ? OR created_at <= ?',
        nowMs - SESSION_IDLE_MS,
        nowMs - SESSION_ABSOLUTE_MS,
      );
      run('DELETE FROM tickets WHERE expires_at <= ?', nowMs);
      // An approved browser that never came back for its cookie leaves no device behind.
      run(
        `DELETE FROM devices WHERE secret_hash IS NULL AND revoked_at IS NULL AND id IN
          (SELECT device_id FROM pairing_requests WHERE expires_at <= ?)`,
        nowMs,
      );
      // Where pairing is off, every sign-in without a cookie makes a device; whoever comes back makes another one.
      run(
        `DELETE FROM devices WHERE approved = 0 AND last_seen_at <= ?
          AND id NOT IN (SELECT device_id FROM sessions) AND id NOT IN (SELECT device_id FROM tokens)`,
        nowMs - UNAPPROVED_DEVICE_MS,
      );
      // A request stays for as long again as it lived, to tell its browser that it has run out.
      run('DELETE FROM pairing_requests WHERE 2 * expires_at - created_at <= ?', nowMs);
      const trim = `DELETE FROM audit WHERE (event = 'sign-in-failed') = ? AND id <= (SELECT id FROM audit
        WHERE (event = 'sign-in-failed') = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`;
      run(trim, 0, 0, AUDIT_KEPT);
      run(trim, 1, 1, AUDIT_FAILURES_KEPT);
    });
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#saveTouched();
    this.#listeners.clear();
  }

  /** What is not known may have been written a moment ago by another process. */
  #findAfterRefresh<T>(find: () => T | undefined): T | undefined {
    let hasNews = false;
    this.#keepRunning(() => (hasNews = this.refresh()));
    return hasNews ? find() : undefined;
  }

  /** A full disk must not end the process: what is in memory still holds, and the next turn tries again. */
  #keepRunning(work: () => void): void {
    try {
      work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      this.#log.error({ reason }, 'the state of the login could not be read or written');
    }
  }

  #touch(seen: Session | Device): void {
    seen.lastSeenAtMs = this.clock.nowMs();
    this.#touched.add(seen);
  }

  #saveTouched(): void {
    const save = (table: 'sessions' | 'devices', id: string, lastSeenAtMs: number): unknown =>
      this.#database
        .prepare(`UPDATE ${table} SET last_seen_at = max(last_seen_at, ?) WHERE id = ?`)
        .run(lastSeenAtMs, id);
    for (const seen of this.#touched) {
      if ('service' in seen) save('sessions', seen.id, seen.lastSeenAtMs);
      save('devices', 'service' in seen ? seen.deviceId : seen.id, seen.lastSeenAtMs);
    }
    this.#touched.clear();
  }

  #readDataVersion(): number {
    return (this.#versionStatement.get() as { data_version: number }).data_version;
  }

  #reload(): void {
    this.#saveTouched();
    const before = this.#snapshot;
    this.#snapshot = loadSnapshot(this.#database);
    for (const id of this.#askedAtMs.keys()) if (!this.#snapshot.requests.has(id)) this.#askedAtMs.delete(id);
    for (const revocation of findRevocations(before, this.#snapshot)) {
      for (const listener of this.#listeners) listener(revocation);
    }
  }
}

/** When a session ends if nobody uses it again. */
export function expiryOf(session: Session): number {
  return Math.min(session.lastSeenAtMs + SESSION_IDLE_MS, session.createdAtMs + SESSION_ABSOLUTE_MS);
}

function findRevocations(before: Snapshot, after: Snapshot): Revocation[] {
  const isPaired = (device: Device | undefined): boolean =>
    device !== undefined && device.revokedAtMs === null;
  const gone: Revocation[] = [];
  for (const id of before.sessions.keys()) {
    if (!after.sessions.has(id)) gone.push({ kind: 'session', id });
  }
  for (const id of before.tokens.keys()) if (!after.tokens.has(id)) gone.push({ kind: 'token', id });
  for (const [id, device] of before.devices) {
    if (isPaired(device) && !isPaired(after.devices.get(id))) gone.push({ kind: 'device', id });
  }
  return gone;
}
