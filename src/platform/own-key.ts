import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PosternError } from '../core/errors/index.ts';
import type { HomeFolder } from './home-folder.ts';
import { makeFolder } from './files.ts';
import { runProcess } from './processes.ts';

/** Postern's own ssh key: no other key of the user is ever put on a relay. */
export const ownKeyFile = (folder: HomeFolder): string => join(folder.ssh, 'id_ed25519');

export interface OwnKey {
  readonly file: string;
  /** The line of the `.pub` file. */
  readonly publicKey: string;
  /** False: it was there already. */
  readonly isNew: boolean;
}

/**
 * The key of this home, made by ssh-keygen when there is none. Without a passphrase: the daemon uses it unattended;
 * the file is 0600 in a 0700 folder, and on the relay it can do no more than its account.
 * @throws RELAY_KEY_FAILED
 */
export async function ensureOwnKey(folder: HomeFolder): Promise<OwnKey> {
  const file = ownKeyFile(folder);
  const known = await readPublicKey(file);
  if (known !== undefined) return { file, publicKey: known, isNew: false };
  await makeFolder(folder.ssh);
  const comment = `postern@${hostname()}`;
  const args = ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file];
  const { status, startError, stderr } = await runProcess('ssh-keygen', args, { input: 'n\n' });
  const made = status === 0 ? await readPublicKey(file) : undefined;
  if (made === undefined) {
    const reason = startError ?? (stderr.trim() || 'a private key without its .pub file is there already');
    throw new PosternError('RELAY_KEY_FAILED', { path: file, reason });
  }
  return { file, publicKey: made, isNew: true };
}

async function readPublicKey(file: string): Promise<string | undefined> {
  try {
    return (await readFile(`${file}.pub`, 'utf8')).trim();
  } catch {
    return undefined;
  }
}
