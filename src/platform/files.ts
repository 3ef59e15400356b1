import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  rm,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A file as it was read, with what is needed to judge whether it may be trusted. */
export interface ReadFile {
  readonly bytes: Buffer;
  /** Permission bits, such as 0o600. Means nothing on Windows. */
  readonly mode: number;
  /** Owner's user number. */
  readonly uid: number;
  readonly modifiedMs: number;
}

/** Why a file was not read: one word that callers turn into their own error. */
export type ReadRefusal = 'missing' | 'denied' | 'link' | 'not-a-file' | 'too-large' | 'unreadable';

export type ReadResult =
  | { readonly ok: true; readonly file: ReadFile }
  | { readonly ok: false; readonly refusal: ReadRefusal; readonly reason: string };

export interface ReadFileOptions {
  /** Bytes that a file may have; a larger one is refused before it is read. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Follow a symbolic link in the last part of the path. Default false. */
  readonly followLink?: boolean;
}

/**
 * Reads a regular file within bounds: no link is followed, no pipe or device is waited for,
 * and a file that grows while it is read is cut at the bound.
 */
export async function readBoundedFile(path: string, options: ReadFileOptions = {}): Promise<ReadResult> {
  const maxBytes = options.maxBytes ?? 1024 * 1024;
  const flags =
    constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (options.followLink ? 0 : (constants.O_NOFOLLOW ?? 0));
  let handle: FileHandle;
  try {
    handle = await open(path, flags);
  } catch (error) {
    return refusalOf(path, error as NodeJS.ErrnoException);
  }
  try {
    const found = await handle.stat();
    if (!found.isFile()) return { ok: false, refusal: 'not-a-file', reason: 'it is not a regular file' };
    if (found.size > maxBytes) {
      return { ok: false, refusal: 'too-large', reason: `it is larger than ${maxBytes} bytes` };
    }
    const bytes = await readAtMost(handle, maxBytes);
    return {
      ok: true,
      file: { bytes, mode: found.mode & 0o7777, uid: found.uid, modifiedMs: found.mtimeMs },
    };
  } catch (error) {
    return {
      ok: false,
      refusal: 'unreadable',
      reason: (error as NodeJS.ErrnoException).code ?? 'it cannot be read',
    };
  } finally {
    await handle.close();
  }
}

async function readAtMost(handle: FileHandle, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let left = maxBytes; left > 0;) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(left, 65_536)), 0);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    left -= bytesRead;
  }
  return Buffer.concat(chunks);
}

async function refusalOf(path: string, error: NodeJS.ErrnoException): Promise<ReadResult> {
  switch (error.code ?? '') {
    case 'ENOENT':
    case 'ENOTDIR':
      return { ok: false, refusal: 'missing', reason: 'it is not there' };
    case 'EACCES':
    case 'EPERM':
      return { ok: false, refusal: 'denied', reason: 'this user may not read it' };
    case 'ELOOP':
      return {
        ok: false,
        refusal: 'link',
        reason: `it is a link to ${await readlink(path).catch(() => 'elsewhere')}`,
      };
    default:
      return { ok: false, refusal: 'unreadable', reason: error.code ?? 'it cannot be read' };
  }
}

/**
 * Replaces a file in one step: a reader sees the old content or the new one, never a part, also after a power cut
 * (written beside it, fsync, rename, fsync of the folder).
 * @param mode permission bits of the new file, set before the first byte is written
 */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(folder);
}

/** A folder can be synced on POSIX only. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a file that must not be there yet; it appears whole.
 * @returns false when it is
 */
export async function createFile(path: string, content: string | Uint8Array, mode: number): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(temporary, content, { mode, flag: 'wx' });
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Removes a file; one that is not there is no error. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Makes a folder and those above it that are missing. */
export async function makeFolder(path: string, mode = 0o700): Promise<void> {
  await mkdir(path, { recursive: true, mode });
}

/** Names in a folder; none when there is no such folder. */
export async function listFolder(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
