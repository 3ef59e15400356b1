import { chmod } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { createFile } from './files.ts';

export type Database = DatabaseSync;

/** One step of a schema; steps are numbered by their place and run once each, in order. */
export type Migration = string;

/**
 * Opens (and makes) a database in WAL mode that only this user can read, and brings its schema up to date.
 * @param path the file, or `:memory:`
 * @param migrations the whole history of the schema; only ever appended to
 * @throws when the file was made by a newer Postern
 */
export async function openDatabase(path: string, migrations: readonly Migration[]): Promise<Database> {
  const { DatabaseSync } = await importQuietly();
  if (path !== ':memory:') await makePrivate(path);
  const database = new DatabaseSync(path);
  database.exec(
    'PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;',
  );
  migrate(database, path, migrations);
  return database;
}

/** SQLite itself makes files as the umask has it, and gives what lies beside them (-wal, -shm) the mode of the database. */
async function makePrivate(path: string): Promise<void> {
  if (!(await createFile(path, '', 0o600))) await chmod(path, 0o600);
}

/** Under the write lock, so that of two programs that start at once the second finds the work done. */
function migrate(database: Database, path: string, migrations: readonly Migration[]): void {
  if (readVersion(database) === migrations.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = readVersion(database);
    if (version > migrations.length) {
      throw new Error(
        `${path} was made by a newer Postern (schema ${version}, this one knows ${migrations.length})`,
      );
    }
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${migrations.length}; COMMIT`);
  } catch (error) {
    database.exec('ROLLBACK');
    database.close();
    throw error;
  }
}

function readVersion(database: Database): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** node:sqlite warns that it is experimental each time it is loaded; our users cannot act on that. */
async function importQuietly(): Promise<typeof import('node:sqlite')> {
  const emit = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return await import('node:sqlite');
  } finally {
    process.emitWarning = emit;
  }
}
