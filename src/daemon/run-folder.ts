import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { PosternError } from '../core/errors/index.ts';
import { createFile, listFolder, readBoundedFile, removeFile } from '../platform/files.ts';
import type { HomeFolder } from '../platform/home-folder.ts';
import { identifyProcess } from '../platform/processes.ts';

/** Sockets that daemons leave behind when they are killed: `control-PID.sock`, `PID-NUMBER-LANE.sock`. */
const SOCKET_NAME = /^(?:control-)?(\d{1,10})(?:-\d+-[a-z]+)?\.sock$/;

/** Removes the sockets of daemons that are gone, and any that an earlier process with our own number left. */
export async function sweepRunFolder(folder: HomeFolder): Promise<void> {
  for (const name of await listFolder(folder.run)) {
    const pid = Number(SOCKET_NAME.exec(name)?.[1] ?? 0);
    if (pid === 0) continue;
    const isLeft = pid === process.pid || (await identifyProcess(pid)) === undefined;
    if (isLeft) await removeFile(join(folder.run, name));
  }
}

const KEY_BYTES = 32;

/**
 * The key by which a canary is recognized: made once, shared by the daemons of this home, so that the old and the new
 * one answer each other's during a hand-over.
 * @throws DAEMON_STATE_UNUSABLE
 */
export async function canaryKeyOf(folder: HomeFolder): Promise<Uint8Array> {
  const path = join(folder.root, 'canary.key');
  await createFile(path, randomBytes(KEY_BYTES), 0o600);
  const result = await readBoundedFile(path, { maxBytes: KEY_BYTES });
  if (!result.ok) throw new PosternError('DAEMON_STATE_UNUSABLE', { path, reason: result.reason });
  if (result.file.bytes.length !== KEY_BYTES || (result.file.mode & 0o077 && process.platform !== 'win32')) {
    const reason = 'it has to hold 32 bytes with mode 0600; remove it and start again';
    throw new PosternError('DAEMON_STATE_UNUSABLE', { path, reason });
  }
  return result.file.bytes;
}
