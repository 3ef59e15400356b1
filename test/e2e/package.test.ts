import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VERSION } from '../../src/platform/version.ts';
import { runProcess } from '../../src/platform/processes.ts';
import { DemoProcess } from '../support/demo-process.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';

/** What people install: the packed tarball, in a folder of its own. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The issue allows 90 packages and 30 MB; what the program uses is bundled, so that there is one, and it stays small. */
const MOST_BYTES = 10 * 1024 * 1024;
/** Of npm, which must not think that it runs inside of this repository's own `npm test`. */
const CLEAN_ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(registry|cache|userconfig))/.test(name)),
);

let folder: string;
let tarball: string;
let installed: string;

beforeAll(async () => {
  folder = makeTestFolder('postern-package-');
  await npm(ROOT, ['pack', '--pack-destination', folder]);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'none');
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  await npm(folder, ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball]);
  installed = join(folder, 'node_modules/postern');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function npm(cwd: string, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runProcess('npm', args, {
    cwd,
    env: CLEAN_ENV,
    timeoutMs: 110_000,
  });
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

/** Every package of the lock file, those for development included. */
function lockedPackages(): (readonly [string, LockedPackage])[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(lock.packages).filter(([path]) => path !== '');
}

/** What npm would install for somebody who installs the package. */
function lockedClosure(): (readonly [string, LockedPackage])[] {
  return lockedPackages().filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true);
}

test('the lock file: what the program uses is bundled, so nothing else is installed with it', () => {
  expect(lockedClosure()).toEqual([]);
});

test('a checkout says of every install script whether it may run, so that a strict npm installs node as well', () => {
  const { allowScripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    allowScripts: Record<string, boolean>;
  };
  const scripted = lockedPackages().flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript ? [path.replace(/^.*node_modules\//, '')] : [],
  );
  expect(scripted.filter((name) => !(name in allowScripts))).toEqual([]);
  expect(allowScripts).toMatchObject({ node: true, ssh2: false });
});

test('the tarball runs no script when it is installed, and ships no TypeScript and no test', () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
    dependencies?: Record<string, string>;
  };
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare'])
    expect(manifest.scripts).not.toHaveProperty(name);
  expect(manifest).not.toHaveProperty('dependencies');
  const files = filesBelow(installed);
  expect(files.filter((file) => /\.ts$|\.test\.|fixtures|\.tsbuildinfo$/.test(file))).toEqual([]);
  for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'bin/postern.js', 'dist/demo/page/page.js']) {
    expect(files).toContain(file);
  }
});

test('what is installed: one package, small, no native code', () => {
  const modules = join(folder, 'node_modules');
  const files = filesBelow(modules);
  const packages = files.filter(
    (file) => /^(?:.*\/)?(?:@[^/]+\/)?[^/@]+\/package\.json$/.test(file) && isPackage(modules, file),
  );
  expect(packages).toEqual(['postern/package.json']);
  expect(files.filter((file) => /\.node$|binding\.gyp$|\.so$|\.dylib$|\.dll$/.test(file))).toEqual([]);
  const bytes = files.reduce((sum, file) => sum + statSync(join(modules, file)).size, 0);
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
});

/** A folder that npm put there, not one inside of a package. */
function isPackage(modules: string, manifest: string): boolean {
  const parent = dirname(dirname(manifest));
  const above = parent.startsWith('@') || parent.includes('/@') ? dirname(parent) : parent;
  return (above === '.' || above.endsWith('node_modules')) && existsSync(join(modules, manifest));
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1));
}

test('every bundled package has its licence beside the bundle', () => {
  const text = readFileSync(join(installed, 'dist/LICENSES.txt'), 'utf8');
  const bundled = ['commander', 'hono', 'pino', 'yaml', 'zod'];
  for (const name of [...bundled, 'ssh2', 'asn1', 'bcrypt-pbkdf', 'tweetnacl', 'safer-buffer']) {
    expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+$`, 'm'));
  }
  const parts = text.split(`\n${'-'.repeat(78)}\n`).slice(1);
  expect(parts.length).toBeGreaterThanOrEqual(40);
  expect(parts.filter((part) => !/copyright|unlicense|unencumbered|permission/i.test(part))).toEqual([]);
});

test('publint has no complaint', async () => {
  const { messages } = await publint({ pkgDir: installed, strict: true, pack: false });
  expect(messages).toEqual([]);
});

test('the installed command says its version, and a demo of it lets a visitor in', async () => {
  const run = {
    cwd: folder,
    env: { ...CLEAN_ENV, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) },
  };
  const { stdout } = await runProcess('npx', ['--no-install', 'postern', '--version'], run);
  expect(stdout.trim()).toBe(VERSION);
  const demo = new DemoProcess({ args: ['--json'], bin: join(installed, 'bin/postern.js') });
  try {
    const { url, user, password, ca } = await demo.ready();
    const form = new URLSearchParams({ user, password }).toString();
    const args = ['-sS', '--cacert', ca, '-L', '-b', '', '-H', 'Accept: text/html', '--data', form];
    const answer = await runProcess('curl', [...args, `${url}/.postern/sign-in`]);
    expect(answer.stdout).toContain('<h1>Sample assistant</h1>');
    expect(await demo.end('SIGINT')).toBe(0);
  } finally {
    await demo.end('SIGKILL');
  }
});

const TOO_OLD =
  /^postern: this is Node \d+\.\d+\.\d+, and Postern needs Node 22\.19 or newer: install a current one from https:\/\/nodejs\.org and try again\.\n$/;

test.each(['18.20.8', '20.20.2', '22.18.0', '21.7.3'])(
  'Node %s is refused in one sentence',
  async (version) => {
    const pretend = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`;
    const bin = join(ROOT, 'bin/postern.js');
    const { status, stdout, stderr } = await runProcess(process.execPath, ['--import', pretend, bin, 'demo']);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(stderr).toMatch(TOO_OLD);
    expect(stderr).toContain(version);
  },
);

test('the machine’s own Node, where it is an older one, understands the file that refuses it', async () => {
  const { stdout } = await runProcess('/usr/bin/node', ['--version']);
  const [major = 99, minor = 0] = stdout.trim().replace(/^v/, '').split('.').map(Number);
  const isOld = stdout !== '' && (major < 22 || (major === 22 && minor < 19));
  const file = isOld ? '/usr/bin/node' : process.execPath;
  const result = await runProcess(file, [join(ROOT, 'bin/postern.js'), '--version']);
  const said = isOld ? result.stderr : result.stdout;
  expect(said).toMatch(isOld ? TOO_OLD : new RegExp(`^${VERSION}\n$`));
});
