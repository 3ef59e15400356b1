import { join } from 'node:path';
import { type Clock, sleep } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import { createFile, readBoundedFile, removeFile } from '../platform/files.ts';
import type { HomeFolder } from '../platform/home-folder.ts';
import { type ProcessIdentity, identifyProcess, isSameProcess } from '../platform/processes.ts';

/** A lock whose holder died is taken away by one of those that find it; the others look again this often, this long. */
const LOOK_MS = 20;
const LOOKS = 100;

/** What a lock file is: of a living process, of nobody any more, or not there. */
type Holder = { readonly is: 'alive'; readonly pid: number } | { readonly is: 'dead' | 'none' };

/**
 * One daemon starts at a time: two that take over from each other at the same moment would take the names from each
 * other for ever.
 * @returns gives the lock back
 * @throws DAEMON_STARTING while another one holds it
 */
export async function acquireStartLock(folder: HomeFolder, clock: Clock): Promise<() => Promise<void>> {
  const path = join(folder.run, 'starting.lock');
  const self = JSON.stringify(await identifyProcess(process.pid));
  for (let look = 0; look < LOOKS; look++) {
    const release = await tryLock(path, self);
    if (release) return release;
    const holder = await findHolder(path);
    if (holder.is === 'alive') throw new PosternError('DAEMON_STARTING', { pid: holder.pid });
    await sleep(clock, LOOK_MS);
  }
  throw new PosternError('DAEMON_STATE_UNUSABLE', { path, reason: 'it comes back each time it is removed' });
}

/**
 * Takes a lock that nobody living holds. To see that a holder is dead and to remove its file are two steps, and between
 * them another one may have done the same and hold the lock: so who removes needs a lock for that, and looks again when
 * it has it. Somebody who died while removing is found the same way, one level further.
 * @returns gives it back; `undefined` when somebody else holds it or is just removing a dead one's
 */
async function tryLock(path: string, self: string): Promise<(() => Promise<void>) | undefined> {
  if (await createFile(path, self, 0o600)) return () => removeFile(path);
  if ((await findHolder(path)).is !== 'dead') return undefined;
  const release = await tryLock(`${path}.removal`, self);
  if (!release) return undefined;
  try {
    if ((await findHolder(path)).is === 'dead') await removeFile(path);
  } finally {
    await release();
  }
  return (await createFile(path, self, 0o600)) ? () => removeFile(path) : undefined;
}

async function findHolder(path: string): Promise<Holder> {
  const result = await readBoundedFile(path, { maxBytes: 4096 });
  if (!result.ok) return { is: result.refusal === 'missing' ? 'none' : 'dead' };
  const identity = readIdentity(result.file.bytes.toString('utf8'));
  return identity && (await isSameProcess(identity)) ? { is: 'alive', pid: identity.pid } : { is: 'dead' };
}

function readIdentity(text: string): ProcessIdentity | undefined {
  try {
    const { pid, startedAt } = JSON.parse(text) as Record<string, unknown>;
    return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : undefined;
  } catch {
    return undefined;
  }
}
