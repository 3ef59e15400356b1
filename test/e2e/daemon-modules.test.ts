import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PosternHome } from '../support/postern-home.ts';
import { waitFor } from '../support/wait-for.ts';

/** What a running daemon has loaded: each module more is memory that it holds for as long as it runs. */

const NAME = 'open.example.test';
const RECORDER = fileURLToPath(new URL('../support/record-modules.ts', import.meta.url));
/** With what they bring along. Another one needs a reason (docs/adr/015-one-bundle.md has the numbers). */
const PACKAGES = ['@hono/node-server', 'commander', 'hono', 'pino', 'yaml', 'zod'];
const BROUGHT_ALONG = [
  '@pinojs/redact',
  'atomic-sleep',
  'on-exit-leak-free',
  'pino-std-serializers',
  'quick-format-unescaped',
  'safe-stable-stringify',
  'sonic-boom',
  'thread-stream',
];

let home: PosternHome;
let modules: string[];
let readFlags: string;

beforeAll(async () => {
  home = await PosternHome.make();
  await home.makeCertificate([NAME]);
  await home.configure({
    home: 'home',
    // Nobody listens there: the daemon runs and tries again, which is all that is needed.
    relay: { host: '127.0.0.1', port: 1, hostKey: `ssh-ed25519 ${'A'.repeat(68)}` },
    services: [{ name: NAME, to: 'http://127.0.0.1:9', auth: 'none', certificate: home.certificate }],
  });
  const record = join(home.root, 'modules');
  home.up([], { NODE_OPTIONS: `--import=${RECORDER}`, RECORD_MODULES: record });
  await waitFor('the daemon runs', 20_000, async () => (await home.logs()).includes('daemon running'));
  await waitFor('it answers', 10_000, () =>
    home.status().then(
      ({ state }) => state === 'running',
      () => false,
    ),
  );
  readFlags = await readFile(`${record}.flags`, 'utf8');
  modules = (await readFile(record, 'utf8')).trim().split('\n');
});

afterAll(() => home?.remove());

test('of the program, only what the daemon needs: no demo, no setting up, no other command, no questions', () => {
  const own = modules.flatMap((url) => /\/src\/(.*)\.ts$/.exec(url)?.[1] ?? []);
  expect(own).toContain('daemon/lifecycle');
  expect(own.filter((path) => /^(demo|provision)\/|demo-relay\//.test(path))).toEqual([]);
  expect(own.filter((path) => path.startsWith('cli/commands/'))).toEqual(['cli/commands/up']);
  expect(own.filter((path) => /^cli\/(ask|qr-code|render-log|demo-screen)/.test(path))).toEqual([]);
});

test('of the packages, only those that the daemon needs', () => {
  const loaded = new Set(
    modules.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []),
  );
  expect([...loaded].filter((name) => !BROUGHT_ALONG.includes(name)).toSorted()).toEqual(PACKAGES);
});

test('the young heap may grow again when the daemon runs: a busy one is not slowed down by how it started', () => {
  const flags = readFlags.trim().split('\n');
  expect(flags[0]).toBe('--semi-space-growth-factor=1');
  expect(flags.at(-1)).toBe('--semi-space-growth-factor=2');
});
