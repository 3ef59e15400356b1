import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { PosternError } from '../../core/errors/index.ts';
import { MAX_SOCKET_PATH_BYTES, localAddress } from '../../platform/control-transport.ts';
import { readBoundedFile, removeFile, writeFileAtomically } from '../../platform/files.ts';
import type { HomeFolder } from '../../platform/home-folder.ts';
import { type ProcessIdentity, identifyProcess } from '../../platform/processes.ts';

/**
 * How programs of this user find the daemon: `run/control.json`, mode 0600. It is replaced in one step by the daemon
 * that takes over, so there is no moment without one. The token is new for every daemon: a program that cannot read
 * this file cannot use the socket, whatever the socket's own mode.
 */
export interface Announcement {
  readonly address: string;
  readonly token: string;
  readonly pid: number;
  /** See `ProcessIdentity`. */
  readonly startedAt: string;
}

const fileOf = (folder: HomeFolder): string => join(folder.run, 'control.json');

/** A new daemon's address and token; nothing is written yet. */
export async function makeAnnouncement(folder: HomeFolder): Promise<Announcement> {
  const address = localAddress(folder.run, 'control');
  if (process.platform !== 'win32' && Buffer.byteLength(address) > MAX_SOCKET_PATH_BYTES) {
    throw new PosternError('DAEMON_PATH_TOO_LONG', { path: address });
  }
  const self = await identifyProcess(process.pid);
  return {
    address,
    token: randomBytes(32).toString('base64url'),
    pid: process.pid,
    startedAt: self?.startedAt ?? '',
  };
}

export async function writeAnnouncement(folder: HomeFolder, announcement: Announcement): Promise<void> {
  await writeFileAtomically(fileOf(folder), `${JSON.stringify(announcement)}\n`, 0o600);
}

/** The announced daemon, which may be gone by now; `undefined`: none, or nothing that can be believed. */
export async function readAnnouncement(folder: HomeFolder): Promise<Announcement | undefined> {
  const result = await readBoundedFile(fileOf(folder), { maxBytes: 4096 });
  if (!result.ok || isForeign(result.file)) return undefined;
  try {
    return checkAnnouncement(JSON.parse(result.file.bytes.toString('utf8')));
  } catch {
    return undefined;
  }
}

/** By hand: a schema library would be half of what `postern status` loads. */
function checkAnnouncement(value: unknown): Announcement | undefined {
  const { address, token, pid, startedAt } = (value ?? {}) as Record<string, unknown>;
  const isRight =
    typeof address === 'string' &&
    typeof token === 'string' &&
    token.length >= 32 &&
    typeof startedAt === 'string';
  if (!isRight || typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0) return undefined;
  return { address, token, pid, startedAt };
}

/** Removes the announcement, if it is still this one: a successor's stays. */
export async function withdrawAnnouncement(folder: HomeFolder, own: Announcement): Promise<void> {
  const present = await readAnnouncement(folder);
  if (present?.token === own.token) await removeFile(fileOf(folder));
}

export function identityOf({ pid, startedAt }: Announcement): ProcessIdentity {
  return { pid, startedAt };
}

/** Somebody else's file would send our commands to somebody else's socket. */
function isForeign({ mode, uid }: { mode: number; uid: number }): boolean {
  if (process.platform === 'win32') return false;
  return (mode & 0o077) !== 0 || (uid !== process.getuid?.() && uid !== 0);
}
