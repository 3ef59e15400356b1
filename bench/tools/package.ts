import { rmSync } from 'node:fs';
import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess } from '../../src/platform/processes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Postern as people install it: the bundle and nothing else, so that nothing is stripped or compiled at run time. */
export interface BuiltPackage {
  /** `bin/postern.js` of the package. */
  readonly program: string;
}

/** Builds the package and lays it out in a folder of its own, far from any `node_modules`. The folder goes with the process. */
export async function buildPackage(): Promise<BuiltPackage> {
  const built = await runProcess(process.execPath, [join(ROOT, 'scripts/build.ts')], { timeoutMs: 120_000 });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stdout}${built.stderr}`);
  const folder = await mkdtemp(join(tmpdir(), 'postern-package-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['bin', 'dist', 'package.json']) {
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  }
  return { program: join(folder, 'bin/postern.js') };
}
