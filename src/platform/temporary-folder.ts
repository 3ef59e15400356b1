import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for one run of the program. */
export interface TemporaryFolder {
  readonly path: string;
  /** Removes it with everything in it; may be called any number of times. */
  remove(): Promise<void>;
}

/**
 * Makes a folder that only this user can enter (mkdtemp(3): mode 0700).
 * @param prefix of its name, such as `postern-demo-`
 */
export async function makeTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}
