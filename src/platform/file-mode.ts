import { stat } from 'node:fs/promises';

export interface FileMode {
  /** Permission bits, such as 0o600. Means nothing on Windows. */
  readonly mode: number;
  /** Does it belong to this user or to root? */
  readonly isOurs: boolean;
}

/** Who may do what with a file or folder, links followed; `undefined`: it is not there, or out of our sight. */
export async function fileModeOf(path: string): Promise<FileMode | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return undefined;
  const isOurs = process.platform === 'win32' || found.uid === 0 || found.uid === process.getuid?.();
  return { mode: found.mode & 0o7777, isOurs };
}
