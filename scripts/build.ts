/**
 * Makes `dist/`, what `npm pack` ships: the program and the packages it uses as a few JavaScript files, the files it
 * reads, and the licence of every package in there. What one command does not need lies in files that it never loads:
 * that is where the daemon's memory and start-up time are won (docs/adr/015-one-bundle.md).
 */
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Metafile, type Plugin, build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');

/** Packages that are CommonJS look for these; in an ES module they have to be made. */
const COMMONJS_NAMES = [
  "import { createRequire as createRequireForBundle } from 'node:module';",
  'const require = createRequireForBundle(import.meta.url);',
  'const __dirname = import.meta.dirname;',
].join('\n');

/** A module that reads a file beside itself still finds it: the files keep their folders, the modules do not. */
const ownUrls: Plugin = {
  name: 'own-urls',
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      if (!path.startsWith(SOURCE + sep) || !text.includes('import.meta')) return undefined;
      const place = `./${relative(SOURCE, path).replaceAll(sep, '/').replace(/ts$/, 'js')}`;
      const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`;
      const contents = text.replace(/import\.meta\.(\w+)/g, (whole, name: string) => {
        if (name !== 'url') throw new Error(`${path}: the bundle knows import.meta.url only, not ${whole}`);
        return url;
      });
      return { contents, loader: 'ts' };
    });
  },
};

await rm(DIST, { recursive: true, force: true });
await copyAssets();
const metafile = await bundle();
refuseUnwanted(metafile);
const packages = packagesOf(metafile);
await writeLicences(packages);
console.log(`dist is ready; bundled: ${packages.join(', ')}`);

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

async function bundle(): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [join(SOURCE, 'cli/main.ts')],
    outdir: DIST,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.19',
    // Both stand in a try block of ssh2, which does without them.
    external: ['cpu-features', '*.node'],
    plugins: [ownUrls],
    banner: { js: COMMONJS_NAMES },
    legalComments: 'none',
    metafile: true,
    absWorkingDir: ROOT,
    logLevel: 'warning',
  });
  return metafile;
}

/** `import { z } from 'zod'` brings 570 KB of translations along, `import * as z from 'zod'` does not. */
function refuseUnwanted({ outputs }: Metafile): void {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  const locale = inputs.find((path) => /zod\/v4\/locales\/(?!en\.)/.test(path));
  if (locale !== undefined) throw new Error(`${locale} is bundled: write import * as z from 'zod'`);
}

/** @returns the names of the packages that went into the bundle */
function packagesOf({ outputs }: Metafile): readonly string[] {
  const names = Object.values(outputs)
    .flatMap((output) => Object.keys(output.inputs))
    .map((path) => /.*\bnode_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}

/** The licence text of every bundled package; a package without one stops the build. */
async function writeLicences(names: readonly string[]): Promise<void> {
  const texts = await Promise.all(
    names.map(async (name) => {
      const folder = join(ROOT, 'node_modules', name);
      const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
      if (file === undefined) throw new Error(`${name} is bundled and has no licence file`);
      const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
        version: string;
      };
      return `${name} ${version}\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`;
    }),
  );
  const intro = 'The files beside this one hold the JavaScript of these packages.\n';
  await writeFile(join(DIST, 'LICENSES.txt'), [intro, ...texts].join(`\n${'-'.repeat(78)}\n\n`));
}
