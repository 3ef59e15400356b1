/**
 * Makes `dist/`, what `npm pack` ships: the program as JavaScript, the files it reads, and ssh2 for the demo's
 * embedded relay as one bundle without native code (`npm install ssh2` would run a compiler), licences beside it.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');

/** The one file of ours that is replaced by a bundle: it is the door to ssh2 and nothing else. */
const SSH2_DOOR = 'link/demo-relay/ssh2';

/** ssh2 is CommonJS and looks for these; in an ES module they have to be made. */
const COMMONJS_NAMES = [
  "import { createRequire as createRequireForBundle } from 'node:module';",
  'const require = createRequireForBundle(import.meta.url);',
  'const __dirname = import.meta.dirname;',
].join('\n');

await rm(DIST, { recursive: true, force: true });
compileTypeScript();
await copyAssets();
const bundled = await bundleSsh2();
await writeLicences(bundled);
console.log(`dist is ready; bundled: ${bundled.join(', ')}`);

function compileTypeScript(): void {
  const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, PATH: [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter) },
  });
  if (status !== 0) throw new Error(`tsc ended with status ${status}`);
}

/** Pages and other files that the program reads beside its code. */
async function copyAssets(): Promise<void> {
  const entries = await readdir(SOURCE, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || /\.(ts|md)$/.test(entry.name)) continue;
    const source = join(entry.parentPath, entry.name);
    if (source.includes(`${sep}fixtures${sep}`)) continue;
    const target = join(DIST, relative(SOURCE, source));
    await mkdir(dirname(target), { recursive: true });
    await cp(source, target);
  }
}

/** @returns the names of the packages that went into the bundle */
async function bundleSsh2(): Promise<readonly string[]> {
  const result = await build({
    entryPoints: [join(SOURCE, `${SSH2_DOOR}.ts`)],
    outfile: join(DIST, `${SSH2_DOOR}.js`),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.19',
    // Both stand in a try block of ssh2, which does without them.
    external: ['cpu-features', '*.node'],
    banner: { js: COMMONJS_NAMES },
    legalComments: 'inline',
    metafile: true,
    absWorkingDir: ROOT,
    logLevel: 'warning',
  });
  const names = Object.keys(result.metafile.inputs).map(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1],
  );
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}

/** The licence text of every bundled package; a package without one stops the build. */
async function writeLicences(packages: readonly string[]): Promise<void> {
  const texts = await Promise.all(
    packages.map(async (name) => {
      const folder = join(ROOT, 'node_modules', name);
      const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
      if (file === undefined) throw new Error(`${name} is bundled and has no licence file`);
      const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
        version: string;
      };
      return `${name} ${version}\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`;
    }),
  );
  const intro = `ssh2.js beside this file holds the JavaScript of these packages.\n`;
  await writeFile(join(DIST, `${SSH2_DOOR}.LICENSE.txt`), [intro, ...texts].join(`\n${'-'.repeat(78)}\n\n`));
}
