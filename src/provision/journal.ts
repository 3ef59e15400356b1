import { type Database, type Migration, openDatabase } from '../platform/sqlite.ts';
import { PosternError } from '../core/errors/index.ts';
import { type ProcessIdentity, identifyProcess, isSameProcess } from '../platform/processes.ts';
import type { Json, ResourceId } from './contract.ts';

/**
 * The write-ahead journal at home: before a resource is touched, what it was and what it will be is on the disk.
 * Whatever moment a run is killed at, the next one reads here what may have happened.
 */
const MIGRATIONS: readonly Migration[] = [
  `
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'undone'))
  ) STRICT;

  CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id),
    resource TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('started', 'done', 'undone')),
    UNIQUE (run, resource)
  ) STRICT;

  CREATE TABLE owned (
    resource TEXT PRIMARY KEY,
    original TEXT NOT NULL,
    since INTEGER NOT NULL REFERENCES runs (id)
  ) STRICT;

  CREATE TABLE holder (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    pid INTEGER NOT NULL,
    started_at TEXT NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE runs ADD COLUMN scope TEXT NOT NULL DEFAULT '';
  ALTER TABLE owned RENAME TO owned_before;
  CREATE TABLE owned (
    scope TEXT NOT NULL,
    resource TEXT NOT NULL,
    original TEXT NOT NULL,
    since INTEGER NOT NULL REFERENCES runs (id),
    PRIMARY KEY (scope, resource)
  ) STRICT;
  INSERT INTO owned SELECT '', resource, original, since FROM owned_before ORDER BY rowid;
  DROP TABLE owned_before;
  `,
];

export interface JournalEntry {
  readonly id: number;
  readonly resource: ResourceId;
  readonly before: Json;
  readonly after: Json;
  readonly state: 'started' | 'done' | 'undone';
}

/** One apply. `running`: it was interrupted, or is under way. */
export interface JournalRun {
  readonly id: number;
  readonly startedAtMs: number;
  readonly state: 'running' | 'done';
}

export interface StartedChange {
  readonly resource: ResourceId;
  readonly before: Json;
  readonly after: Json;
  /** What `destroy` puts back; kept from the first time. */
  readonly original: Json;
  /** What is there is somebody's own and is taken over: what `destroy` would have put back before does not count. */
  readonly isAdopted?: boolean;
}

export class Journal {
  readonly #database: Database;
  readonly #scope: string;

  private constructor(database: Database, scope: string) {
    this.#database = database;
    this.#scope = scope;
  }

  /**
   * @param path a file in `~/.postern`, or `:memory:`
   * @param scope the home and the relay that it is about. What was found on one relay is never put back on another;
   *   what an earlier Postern wrote down without a scope belongs to the first one that opens it
   */
  static async open(path: string, scope: string): Promise<Journal> {
    const database = await openDatabase(path, MIGRATIONS);
    // Ahead of the change means: on the disk, also after a power cut.
    database.exec('PRAGMA synchronous = FULL');
    for (const table of ['runs', 'owned']) {
      database.prepare(`UPDATE ${table} SET scope = ? WHERE scope = ''`).run(scope);
    }
    return new Journal(database, scope);
  }

  close(): void {
    this.#database.close();
  }

  /**
   * One command at a time changes the world; what a killed one held is free.
   * @param me default: this process
   * @throws PROVISION_BUSY
   */
  async hold(me?: ProcessIdentity): Promise<() => void> {
    const holder = me ?? ((await identifyProcess(process.pid)) as ProcessIdentity);
    const row = this.#database.prepare('SELECT pid, started_at FROM holder').get() as
      { pid: number; started_at: string } | undefined;
    if (row && row.pid !== holder.pid && (await isSameProcess({ pid: row.pid, startedAt: row.started_at }))) {
      throw new PosternError('PROVISION_BUSY', { pid: row.pid });
    }
    this.#takeHold(row, holder);
    return () => void this.#database.prepare('DELETE FROM holder WHERE pid = ?').run(holder.pid);
  }

  /** Only what was seen is replaced: of two that start at once, one finds the other there. @throws PROVISION_BUSY */
  #takeHold(seen: { pid: number } | undefined, { pid, startedAt }: ProcessIdentity): void {
    this.#transaction(() => {
      const now = this.#database.prepare('SELECT pid FROM holder').get() as { pid: number } | undefined;
      if (now !== undefined && now.pid !== seen?.pid)
        throw new PosternError('PROVISION_BUSY', { pid: now.pid });
      this.#database
        .prepare('INSERT OR REPLACE INTO holder (one, pid, started_at) VALUES (1, ?, ?)')
        .run(pid, startedAt);
    });
  }

  /** A new run, or the interrupted one: it goes on, so that one undo takes back all of it. */
  beginRun(nowMs: number): number {
    const last = this.lastRun();
    if (last?.state === 'running') return last.id;
    return Number(
      this.#database
        .prepare("INSERT INTO runs (started_at, state, scope) VALUES (?, 'running', ?)")
        .run(nowMs, this.#scope).lastInsertRowid,
    );
  }

  /** Written before the first touch. In a run that goes on, the first look at a resource counts. */
  start(run: number, { resource, before, after, original, isAdopted = false }: StartedChange): void {
    this.#transaction(() => {
      const isFirstLook = !this.entries(run).some((entry) => entry.resource === resource);
      this.#database
        .prepare(
          `INSERT INTO entries (run, resource, before, after, state) VALUES (?, ?, ?, ?, 'started')
           ON CONFLICT (run, resource) DO UPDATE SET after = excluded.after, state = 'started'`,
        )
        .run(run, resource, JSON.stringify(before), JSON.stringify(after));
      this.#database
        .prepare('INSERT OR IGNORE INTO owned (scope, resource, original, since) VALUES (?, ?, ?, ?)')
        .run(this.#scope, resource, JSON.stringify(original), run);
      if (!isAdopted || !isFirstLook) return;
      this.#database
        .prepare('UPDATE owned SET original = ? WHERE scope = ? AND resource = ?')
        .run(JSON.stringify(original), this.#scope, resource);
    });
  }

  finish(run: number, resource: ResourceId): void {
    this.#database
      .prepare("UPDATE entries SET state = 'done' WHERE run = ? AND resource = ?")
      .run(run, resource);
  }

  endRun(run: number): void {
    this.#transaction(() => {
      this.#database.prepare("UPDATE entries SET state = 'done' WHERE run = ?").run(run);
      this.#database.prepare("UPDATE runs SET state = 'done' WHERE id = ?").run(run);
    });
  }

  /** The last run that is not taken back. */
  lastRun(): JournalRun | undefined {
    const row = this.#database
      .prepare(
        "SELECT id, started_at, state FROM runs WHERE scope = ? AND state != 'undone' ORDER BY id DESC LIMIT 1",
      )
      .get(this.#scope) as { id: number; started_at: number; state: JournalRun['state'] } | undefined;
    return row && { id: row.id, startedAtMs: row.started_at, state: row.state };
  }

  /** In the order in which they were started. */
  entries(run: number): readonly JournalEntry[] {
    const rows = this.#database
      .prepare('SELECT * FROM entries WHERE run = ? ORDER BY id')
      .all(run) as unknown as {
      id: number;
      resource: string;
      before: string;
      after: string;
      state: JournalEntry['state'];
    }[];
    return rows.map(({ id, resource, before, after, state }) => ({
      id,
      resource,
      before: JSON.parse(before) as Json,
      after: JSON.parse(after) as Json,
      state,
    }));
  }

  /** It is as it was before the run, and not ours any more when the run had made it so; or it was left behind. */
  markUndone(run: number, resource: ResourceId, { isStillOurs }: { isStillOurs: boolean }): void {
    this.#transaction(() => {
      this.#database
        .prepare("UPDATE entries SET state = 'undone' WHERE run = ? AND resource = ?")
        .run(run, resource);
      if (isStillOurs) return;
      this.#database
        .prepare('DELETE FROM owned WHERE scope = ? AND resource = ? AND since = ?')
        .run(this.#scope, resource, run);
    });
  }

  markRunUndone(run: number): void {
    this.#database.prepare("UPDATE runs SET state = 'undone' WHERE id = ?").run(run);
  }

  /** Everything that is ours, and what was there before it. */
  owned(): ReadonlyMap<ResourceId, Json> {
    const rows = this.#database
      .prepare('SELECT resource, original FROM owned WHERE scope = ? ORDER BY rowid')
      .all(this.#scope) as unknown as {
      resource: string;
      original: string;
    }[];
    return new Map(rows.map(({ resource, original }) => [resource, JSON.parse(original) as Json]));
  }

  disown(resource: ResourceId): void {
    this.#database.prepare('DELETE FROM owned WHERE scope = ? AND resource = ?').run(this.#scope, resource);
  }

  /** After `destroy` there is nothing left to take back. */
  closeAllRuns(): void {
    this.#database.prepare("UPDATE runs SET state = 'undone' WHERE scope = ?").run(this.#scope);
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}
