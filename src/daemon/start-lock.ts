import { join } from 'node:path';
import { PosternError } from '../core/errors/index.ts';
import { createFile, readBoundedFile, removeFile } from '../platform/files.ts';
import type { HomeFolder } from '../platform/home-folder.ts';
import { type ProcessIdentity, identifyProcess, isSameProcess } from '../platform/processes.ts';

/** A lock whose holder died is taken from it; two that find it dead at once need another round. */
const ROUNDS = 5;

/**
 * One daemon starts at a time: two that take over from each other at the same moment would take the names from each
 * other for ever.
 * @returns gives the lock back
 * @throws DAEMON_STARTING while another one holds it
 */
export async function acquireStartLock(folder: HomeFolder): Promise<() => Promise<void>> {
  const path = join(folder.run, 'starting.lock');
  const self = await identifyProcess(process.pid);
  for (let round = 0; round < ROUNDS; round++) {
    if (await createFile(path, JSON.stringify(self), 0o600)) return () => removeFile(path);
    const holder = await readHolder(path);
    if (holder && (await isSameProcess(holder)))
      throw new PosternError('DAEMON_STARTING', { pid: holder.pid });
    await removeFile(path);
  }
  throw new PosternError('DAEMON_STATE_UNUSABLE', { path, reason: 'it comes back each time it is removed' });
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  const result = await readBoundedFile(path, { maxBytes: 4096 });
  if (!result.ok) return undefined;
  try {
    const { pid, startedAt } = JSON.parse(result.file.bytes.toString('utf8')) as Record<string, unknown>;
    return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : undefined;
  } catch {
    return undefined;
  }
}
