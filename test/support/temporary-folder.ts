import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/**
 * Makes a folder that only this user can enter. It is removed with everything in it when the test file has ended,
 * whatever came of it (`remove-temporary-folders.ts`). No mount may be left below it.
 * @param prefix of its name; short where a unix socket's path has to fit into it (108 bytes)
 */
export function makeTestFolder(prefix = 'postern-test-'): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  made.push(folder);
  return folder;
}

/** Removes every folder that was made so far. */
export function removeTestFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
