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
}

export class Journal {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** @param path a file in `~/.postern`, or `:memory:` */
  static async open(path: string): Promise<Journal> {
    const database = await openDatabase(path, MIGRATIONS);
    // Ahead of the change means: on the disk, also after a power cut.
    database.exec('PRAGMA synchronous = FULL');
    return new Journal(database);
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
    this.#database
      .prepare('INSERT OR REPLACE INTO holder (one, pid, started_at) VALUES (1, ?, ?)')
      .run(holder.pid, holder.startedAt);
    return () => void this.#database.prepare('DELETE FROM holder WHERE pid = ?').run(holder.pid);
  }

  /** A new run, or the interrupted one: it goes on, so that one undo takes back all of it. */
  beginRun(nowMs: number): number {
    const last = this.lastRun();
    if (last?.state === 'running') return last.id;
    return Number(
      this.#database.prepare("INSERT INTO runs (started_at, state) VALUES (?, 'running')").run(nowMs)
        .lastInsertRowid,
    );
  }

  /** Written before the first touch. In a run that goes on, the first look at a resource counts. */
  start(run: number, { resource, before, after, original }: StartedChange): void {
    this.#transaction(() => {
      this.#database
        .prepare(
          `INSERT INTO entries (run, resource, before, after, state) VALUES (?, ?, ?, ?, 'started')
           ON CONFLICT (run, resource) DO UPDATE SET after = excluded.after, state = 'started'`,
        )
        .run(run, resource, JSON.stringify(before), JSON.stringify(after));
      this.#database
        .prepare('INSERT OR IGNORE INTO owned (resource, original, since) VALUES (?, ?, ?)')
        .run(resource, JSON.stringify(original), run);
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
      .prepare("SELECT id, started_at, state FROM runs WHERE state != 'undone' ORDER BY id DESC LIMIT 1")
      .get() as { id: number; started_at: number; state: JournalRun['state'] } | undefined;
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
      this.#database.prepare('DELETE FROM owned WHERE resource = ? AND since = ?').run(resource, run);
    });
  }

  markRunUndone(run: number): void {
    this.#database.prepare("UPDATE runs SET state = 'undone' WHERE id = ?").run(run);
  }

  /** Everything that is ours, and what was there before it. */
  owned(): ReadonlyMap<ResourceId, Json> {
    const rows = this.#database
      .prepare('SELECT resource, original FROM owned ORDER BY rowid')
      .all() as unknown as {
      resource: string;
      original: string;
    }[];
    return new Map(rows.map(({ resource, original }) => [resource, JSON.parse(original) as Json]));
  }

  disown(resource: ResourceId): void {
    this.#database.prepare('DELETE FROM owned WHERE resource = ?').run(resource);
  }

  /** After `destroy` there is nothing left to take back. */
  closeAllRuns(): void {
    this.#database.exec("UPDATE runs SET state = 'undone'");
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
