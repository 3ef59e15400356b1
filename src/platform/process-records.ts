import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessIdentity, isSameProcess } from './processes.ts';

/** A child process that must not outlive its parent, as written to a file of its own. */
export interface ProcessRecord {
  readonly name: string;
  readonly child: ProcessIdentity;
  readonly owner: ProcessIdentity;
}

const NAME = /^[a-z0-9-]{1,80}$/;
const MAX_RECORD_BYTES = 4096;

const fileOf = (folder: string, name: string): string => join(folder, `${name}.child`);

/** Writes (or replaces) a record; the file is complete or not there. Mode 0600. */
export async function writeRecord(folder: string, record: ProcessRecord): Promise<void> {
  if (!NAME.test(record.name)) throw new Error(`not a name for a process record: ${record.name}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = fileOf(folder, record.name);
  const { child, owner } = record;
  await writeFile(`${file}.new`, JSON.stringify({ child, owner }), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

export async function removeRecord(folder: string, name: string): Promise<void> {
  await rm(fileOf(folder, name), { force: true });
}

/** All readable records of a folder; files that hold anything else are left alone. */
export async function readRecords(folder: string): Promise<ProcessRecord[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const records = names
    .filter((name) => name.endsWith('.child'))
    .map((name) => readRecord(folder, name.slice(0, -'.child'.length)));
  return (await Promise.all(records)).filter((record) => record !== undefined);
}

async function readRecord(folder: string, name: string): Promise<ProcessRecord | undefined> {
  try {
    const text = await readFile(fileOf(folder, name), 'utf8');
    if (text.length > MAX_RECORD_BYTES || !NAME.test(name)) return undefined;
    const { child, owner } = JSON.parse(text) as Partial<Record<string, unknown>>;
    return isIdentity(child) && isIdentity(owner) ? { name, child, owner } : undefined;
  } catch {
    return undefined;
  }
}

function isIdentity(value: unknown): value is ProcessIdentity {
  const { pid, startedAt } = (value ?? {}) as Partial<Record<string, unknown>>;
  // 0, 1 and negative numbers mean groups of processes, or the first one, to kill(2).
  return Number.isInteger(pid) && (pid as number) > 1 && typeof startedAt === 'string';
}

/** Sends a signal to exactly this process; nothing happens when the number belongs to another one by now. */
export async function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isSameProcess(identity))) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false;
  }
}
