import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createFile, listFolder, makeFolder, readBoundedFile, removeFile } from '../../platform/files.ts';
import { runProcess } from '../../platform/processes.ts';
import { PosternError } from '../../core/errors/index.ts';
import { agentsFolder, serviceTarget } from './home-service-launchd.ts';

/** Agents that hand-made set-ups leave behind: an `ssh -R` which fights with the link for the relay's port. */
const OLD_LABELS = ['com.openclaw.ssh-tunnel', 'ai.openclaw.ssh-tunnel'];

export interface OldTunnel {
  readonly label: string;
  readonly file: string;
}

/** Agents of an earlier set-up that are still there. */
export async function findOldTunnels(userHome: string): Promise<readonly OldTunnel[]> {
  const folder = agentsFolder(userHome);
  const names = await listFolder(folder);
  return OLD_LABELS.filter((label) => names.includes(`${label}.plist`)).map((label) => ({
    label,
    file: join(folder, `${label}.plist`),
  }));
}

/**
 * Ends such an agent and removes its file; a copy is kept.
 * @param keepIn folder for the copy
 * @returns the copy's path
 */
export async function removeOldTunnel(
  { label, file }: OldTunnel,
  { keepIn, uid, env }: { keepIn: string; uid: number; env: NodeJS.ProcessEnv },
): Promise<string> {
  const found = await readBoundedFile(file);
  if (!found.ok) throw new PosternError('SERVICE_FILE_FOREIGN', { path: file });
  await makeFolder(keepIn);
  const hash = createHash('sha256').update(found.file.bytes).digest('hex').slice(0, 8);
  const copy = join(keepIn, `${label}.${hash}.plist`);
  await createFile(copy, found.file.bytes, 0o600);
  await runProcess('launchctl', ['bootout', serviceTarget(uid, label)], { env });
  await removeFile(file);
  return copy;
}
