import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import jsqr from 'jsqr';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunResult, runProcess } from '../../src/platform/processes.ts';
import { DemoProcess, type DemoProcessOptions, type DemoReady } from '../support/demo-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';

/** `postern demo` as its own process: what it prints is used as it is printed, and nothing may be left of it. */

let folder: string;
let temporary: string;
const demos: DemoProcess[] = [];
const servers: Server[] = [];

beforeEach(() => {
  folder = makeTestFolder('demo test ');
  temporary = join(folder, 'tmp');
  mkdirSync(temporary);
});

afterEach(async () => {
  for (const demo of demos.splice(0)) await demo.end('SIGKILL');
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

function startDemo(args: readonly string[], options: DemoProcessOptions = {}): DemoProcess {
  const demo = new DemoProcess({ ...options, args, env: { TMPDIR: temporary, ...options.env } });
  demos.push(demo);
  return demo;
}

const shell = (line: string): Promise<RunResult> => runProcess('sh', ['-c', line], { timeoutMs: 15_000 });

/** Processes that descend from a process, by number. */
async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await runProcess('ps', ['-e', '-o', 'pid=,ppid=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  const children = rows.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
  const below = await Promise.all(children.map((child) => descendants(child)));
  return [...children, ...below.flat()];
}

/** The ssh processes of a demo, those of one slot or all. */
async function sshChildren(pid: number, command = ''): Promise<number[]> {
  const { stdout } = await runProcess('ps', ['-e', '-o', 'pid=,ppid=,args=']);
  return stdout.split('\n').flatMap((row) => {
    const [, child, parent, args = ''] = /^ *(\d+) +(\d+) (.*)$/.exec(row) ?? [];
    return Number(parent) === pid && args.startsWith('ssh ') && args.endsWith(command) ? [Number(child)] : [];
  });
}

/** What `ss` knows of a process's listening TCP sockets. */
async function listeners(pid: number): Promise<string[]> {
  const { stdout } = await runProcess('ss', ['-Hltnp']);
  return stdout
    .split('\n')
    .filter((line) => line.includes(`pid=${pid},`))
    .map((line) => line.trim().split(/\s+/)[3] ?? '');
}

async function serve(answer: (path: string) => { status: number; body: string }): Promise<string> {
  const server = createServer((request, response) => {
    const { status, body } = answer(request.url ?? '');
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The line that the demo printed, up to its end. */
async function printedLine(demo: DemoProcess, start: string): Promise<string> {
  return await waitFor(`the demo prints ${start}`, 20_000, () => {
    if (demo.child.exitCode !== null) throw new Error(`the demo ended: ${demo.stdout}${demo.stderr}`);
    const line = new RegExp(`^ *(${start}.*)\n`, 'm').exec(demo.stdout)?.[1];
    return line;
  });
}

/** Signs in with curl as the demo says and asks for a path with the session. */
function curlArgs(ready: DemoReady, path: string): string[] {
  const jar = join(folder, 'jar');
  const form = new URLSearchParams({ user: ready.user, password: ready.password }).toString();
  const common = ['-sS', '--cacert', ready.ca, '-b', jar, '-c', jar];
  const signIn = [...common, '-o', join(folder, 'out'), '--data', form, `${ready.url}/.postern/sign-in`];
  return [...signIn, '--next', ...common, '-w', '\n%{http_code}', `${ready.url}${path}`];
}

test('is ready within 5 s, prints one JSON object, and listens on loopback alone', async () => {
  const startMs = performance.now();
  const demo = startDemo(['--json']);
  const ready = await demo.ready();
  expect(performance.now() - startMs).toBeLessThan(5000);
  expect(demo.stdout.trim().split('\n')).toHaveLength(1);
  expect(Object.keys(ready)).toEqual(['url', 'user', 'password', 'ca']);
  expect(ready.url).toMatch(/^https:\/\/chat\.localhost:\d+$/);
  expect(ready.user).toBe('owner');
  expect(ready.password).toMatch(/^[a-z]+(-[a-z]+){3}$/);
  const addresses = await listeners(demo.pid);
  expect(addresses.length).toBeGreaterThan(0);
  for (const address of addresses) expect(address).toMatch(/^(127\.0\.0\.1|\[::1\]):\d+$/);
});

test('the printed curl line trusts the authority, signs in and gets the page', async () => {
  const demo = startDemo([]);
  const line = await printedLine(demo, 'curl --');
  const without = await shell(line.replace(/--cacert ('[^']*'|\S+)/, ''));
  expect(without.status).toBe(60);
  const { status, stdout } = await shell(line);
  expect(status).toBe(0);
  expect(stdout).toContain('<h1>Sample assistant</h1>');
  expect(line).not.toContain(/Password +(\S+)/.exec(demo.stdout)?.[1]);
});

test('a second curl waits, and the printed approve line lets it in', async () => {
  const demo = startDemo([]);
  const line = await printedLine(demo, 'curl --');
  await shell(line);
  const jar = join(folder, 'jar');
  const again = line.replace("--cookie ''", `--cookie '${jar}' --cookie-jar '${jar}'`);
  const refused = await shell(again);
  expect(refused.stdout).not.toContain('<h1>Sample assistant</h1>');
  const approve = await waitFor(
    'the demo tells of it',
    10_000,
    () => /Then: (POSTERN_HOME=.*devices approve [A-Z0-9-]+)$/m.exec(demo.stderr)?.[1],
  );
  const approved = await shell(`${approve} --yes`);
  expect(approved.status, approved.stderr).toBe(0);
  // From here on it is a browser with cookies of ours, which has to name its origin.
  const url = await printedLine(demo, 'Open +').then((text) => text.replace(/^Open +/, ''));
  const signIn = again.replace('--data', `--header 'Origin: ${url}' --data`);
  // The first answer hands it the cookie of a paired device.
  expect((await shell(signIn)).stdout).toContain('name="password"');
  expect((await shell(signIn)).stdout).toContain('<h1>Sample assistant</h1>');
});

test('other commands find the demo by its folder', async () => {
  const demo = startDemo(['--json']);
  const { ca } = await demo.ready();
  const env = { ...process.env, POSTERN_HOME: dirname(ca) };
  const bin = fileURLToPath(new URL('../../bin/postern.js', import.meta.url));
  const { status, stdout, stderr } = await runProcess(process.execPath, [bin, 'status', '--json'], { env });
  expect(status, stderr).toBe(0);
  const { connections } = JSON.parse(stdout) as { connections: { state: string }[] };
  expect(connections.map(({ state }) => state)).toEqual(['up', 'up']);
});

test('the printed QR code decodes to the URL, and holds nothing else', async () => {
  const demo = startDemo([]);
  await printedLine(demo, 'curl --');
  const url = await printedLine(demo, 'Open +').then((line) => line.replace(/^Open +/, ''));
  const rows = demo.stdout.split('\n').filter((line) => /^[█▀▄ ]{20,}$/.test(line));
  expect(decodeQr(rows)).toBe(url);
});

function decodeQr(rows: readonly string[]): string | undefined {
  const scale = 4;
  const width = Math.max(...rows.map((row) => row.length)) * scale;
  const height = rows.length * 2 * scale;
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const module = Math.floor(y / scale);
      const character = rows[module >> 1]?.[Math.floor(x / scale)] ?? ' ';
      const isLight = character === '█' || character === (module % 2 === 0 ? '▀' : '▄');
      pixels.fill(isLight ? 255 : 0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return jsqr.default(pixels, width, height)?.data;
}

test('a line for each connection says that it is up, and again when one is lost and comes back', async () => {
  const demo = startDemo([]);
  await waitFor('both are up', 10_000, () => /connection 1 · up[^]*connection 2 · up/.test(demo.stderr));
  const [first] = await sshChildren(demo.pid, 'link 1');
  process.kill(first as number, 'SIGKILL');
  await waitFor('it is back', 10_000, () => /connection 1 · up · 1 restart/.test(demo.stderr));
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s leaves no process, no socket and no file',
  async (signal) => {
    const demo = startDemo(['--json']);
    await demo.ready();
    const children = await descendants(demo.pid);
    expect(children.length).toBeGreaterThanOrEqual(2);
    expect(readdirSync(temporary)).toHaveLength(1);
    const ports = await listeners(demo.pid);
    expect(await demo.end(signal)).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
    for (const child of children) expect(existsSync(`/proc/${child}`)).toBe(false);
    const { stdout } = await runProcess('ss', ['-Hltn']);
    for (const address of ports) expect(stdout).not.toContain(`${address} `);
  },
);

test('Ctrl-C in a terminal reaches the ssh processes as well, and nothing is left or said', async () => {
  const demo = startDemo([], { prefix: ['setsid'] });
  await waitFor('both are up', 10_000, () => /connection 1 · up[^]*connection 2 · up/.test(demo.stderr));
  const said = demo.stderr;
  process.kill(-demo.pid, 'SIGINT');
  expect(await demo.end()).toBe(0);
  expect(demo.stderr).toBe(said);
  expect(readdirSync(temporary)).toEqual([]);
});

test('a signal while the demo is still starting leaves nothing either', async () => {
  const demo = startDemo(['--json']);
  await waitFor('it has begun', 10_000, () => readdirSync(temporary).length > 0);
  expect(await demo.end('SIGINT')).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
  expect(demo.stdout).toBe('');
});

test('an error that nobody caught is reported, and nothing is left', async () => {
  const bomb = "process.on('SIGUSR2', () => { throw new Error('a bomb'); })";
  const demo = startDemo(['--json'], {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(bomb)}` },
  });
  await demo.ready();
  expect(await demo.end('SIGUSR2')).toBe(1);
  expect(demo.stdout).toContain('"code":"INTERNAL"');
  expect(readdirSync(temporary)).toEqual([]);
});

test('kill -9 leaves no ssh: with the demo, its relay is gone', async () => {
  const demo = startDemo(['--json']);
  await demo.ready();
  const children = await sshChildren(demo.pid);
  expect(children).toHaveLength(2);
  await demo.end('SIGKILL');
  await waitFor('they have ended', 10_000, () => children.every((child) => !existsSync(`/proc/${child}`)));
});

test('without an ssh program: one sentence, and the catalogue’s exit status', async () => {
  const empty = join(folder, 'bin');
  mkdirSync(empty);
  symlinkSync('/usr/bin/env', join(empty, 'env'));
  const demo = startDemo([], { env: { PATH: empty } });
  expect(await demo.end()).toBe(1);
  expect(demo.stderr).toMatch(
    /^postern: There is no ssh program on this machine\.\n {2}Install [^\n]+\n {2}\[SSH_NOT_FOUND\]\n$/,
  );
  expect(demo.stdout).toBe('');
  expect(readdirSync(temporary)).toEqual([]);
});

test('a port that is taken: one sentence, and nothing is left', async () => {
  const taken = createTcpServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const demo = startDemo(['--port', String(port)]);
  expect(await demo.end()).toBe(1);
  taken.close();
  expect(demo.stderr).toContain(`postern: Port ${port} is taken by another program.`);
  expect(demo.stderr).toContain('[DEMO_PORT_TAKEN]');
  expect(readdirSync(temporary)).toEqual([]);
});

test('a target that is down: one sentence, exit status 69, as JSON where that was asked for', async () => {
  const demo = startDemo(['--to', 'http://127.0.0.1:1', '--json']);
  expect(await demo.end()).toBe(69);
  const { error } = JSON.parse(demo.stdout) as { error: { code: string; what: string; exit: number } };
  expect(error).toMatchObject({ code: 'DEMO_TARGET_DOWN', exit: 69 });
  expect(error.what).toBe('Nothing answers at http://127.0.0.1:1 (ECONNREFUSED)');
  expect(readdirSync(temporary)).toEqual([]);
});

test.each([
  ['--port=x', '--port=65536', '--port=-1', '--nothing=x'],
  [
    '--kind=apache',
    '--to=ftp://127.0.0.1',
    '--to=http://127.0.0.1:1/path',
    '--to=http://user:secret@127.0.0.1:1',
  ],
])('refused as usage, and nothing is left: %s %s %s %s', async (...options) => {
  const refused = options.map((option) => startDemo([option]));
  expect(await Promise.all(refused.map((demo) => demo.end()))).toEqual([64, 64, 64, 64]);
  expect(readdirSync(temporary)).toEqual([]);
});

test('--to publishes a service that runs already, on the port that was asked for', async () => {
  const to = await serve((path) => ({ status: 200, body: `{"path":"${path}"}` }));
  const free = createTcpServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  const demo = startDemo(['--json', '--to', to, '--port', String(port)]);
  const ready = await demo.ready();
  expect(ready.url).toBe(`https://chat.localhost:${port}`);
  const { stdout, stderr } = await runProcess('curl', curlArgs(ready, '/tools/invoke'));
  expect(stdout, stderr).toBe('{"path":"/tools/invoke"}\n200');
});

test('an OpenClaw gateway behind --to is recognised: what its token alone opens stays shut', async () => {
  const to = await serve((path) =>
    path === '/readyz' ? { status: 200, body: '{"ready":true}' } : { status: 200, body: '{"secret":1}' },
  );
  const demo = startDemo(['--json', '--to', to]);
  const ready = await demo.ready();
  const denied = await runProcess('curl', curlArgs(ready, '/tools/invoke'));
  expect(denied.stdout).not.toContain('secret');
  expect(denied.stdout).toMatch(/\n40[34]$/);
});

test('a gateway that takes strangers for its owner stays shut, and the demo says why', async () => {
  const to = await serve(() => ({ status: 200, body: '{"ready":true,"uptimeMs":5}' }));
  const demo = startDemo(['--to', to]);
  await waitFor('it says so', 10_000, () => demo.stderr.includes('takes strangers for its owner'));
});

test('a second demo runs beside the first', async () => {
  const [one, two] = [startDemo(['--json']), startDemo(['--json'])];
  const [first, second] = [await one.ready(), await two.ready()];
  expect(first.url).not.toBe(second.url);
  expect(first.password).not.toBe(second.password);
});
