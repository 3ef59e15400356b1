import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { identifyProcess, runProcess, spawnProcess } from '../../src/platform/processes.ts';
import { PosternHome } from '../support/postern-home.ts';
import { waitFor } from '../support/wait-for.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/postern.js', import.meta.url));

let home: PosternHome;
beforeEach(async () => {
  home = await PosternHome.make();
});
afterEach(() => home.remove());

const MINIMAL = {
  home: 'x',
  relay: { host: '127.0.0.1', hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ' },
  services: [{ name: 'a.example.test', to: 'http://127.0.0.1:1', tls: 'relay' }],
};

describe('words that are wrong', () => {
  test.each([
    [['stauts'], /There is no command stauts; did you mean status\?\n/],
    [['frobnicate'], /There is no command frobnicate\.\n/],
    [['constructor'], /There is no command constructor/],
    [['status', '--jsno'], /unknown option '--jsno' \(Did you mean --json\?\)/],
    [['users', 'ad'], /unknown command 'ad' \(Did you mean add\?\)/],
    [['up', 'extra'], /too many arguments/],
    [['logs', '-n', '-3'], /has to be a whole number/],
    [['--frobnicate'], /unknown option/],
    [['\u001b[31mred'], /There is no command \\u\{1b\}\[31mred/],
  ])('%j', async (args, said) => {
    const { status, stdout, stderr } = await home.run(args);
    expect(stderr).toMatch(said);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  });
});

test('help: every command has a summary and fits 80 columns; its own help has examples where it takes options', async () => {
  const names = ['', ...Object.keys(COMMANDS)];
  const helps = await Promise.all(
    names.map((name) => home.run([name, '--help'].filter((word) => word !== ''))),
  );
  helps.forEach(({ status, stdout, stderr }, index) => {
    expect({ status, stderr }, names[index]).toEqual({ status: 0, stderr: '' });
    expect(
      stdout.split('\n').filter((line) => line.length > 80),
      names[index],
    ).toEqual([]);
  });
  for (const name of ['up', 'status', 'logs', 'stop', 'completion']) {
    expect(helps[names.indexOf(name)]?.stdout, name).toContain(`Examples:\n  postern ${name}`);
  }
});

test('--version is one word on stdout', async () => {
  const manifest = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as object;
  expect(await home.run(['--version'])).toMatchObject({
    status: 0,
    stdout: `${(manifest as { version: string }).version}\n`,
  });
});

test('without a daemon status, stop and the others say so with status 69, and as JSON on stdout', async () => {
  for (const command of ['status', 'stop']) {
    expect(await home.run([command])).toMatchObject({ status: 69, stdout: '' });
    const { status, stdout, stderr } = await home.run([command, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'DAEMON_NOT_RUNNING', remedy: 'postern up' } });
    expect({ status, stderr }).toEqual({ status: 69, stderr: '' });
  }
});

describe('up refuses', () => {
  test('without a configuration', async () => {
    expect(await home.run(['up'])).toMatchObject({
      status: 64,
      stderr: expect.stringContaining('CONFIG_NOT_FOUND'),
    });
  });

  test('a configuration with mistakes, all of them with line and column', async () => {
    await home.configure('home: x\nrelay: { hots: a }\nservices: []\n');
    const { status, stderr } = await home.run(['up']);
    expect(status).toBe(64);
    expect(stderr).toContain(
      `${home.root}/postern.yaml:2:10: hots is not a key of relay: did you mean host?`,
    );
    expect(stderr).toContain(`${home.root}/postern.yaml:3:11: services is empty`);
  });

  test('to publish when nobody could sign in, and names the command; auth: none on every service needs nobody', async () => {
    await home.configure(MINIMAL);
    const { status, stderr, stdout } = await home.run(['up']);
    expect({ status, stdout }).toEqual({ status: 77, stdout: '' });
    expect(stderr).toContain('postern users add NAME');
    await home.configure({ ...MINIMAL, services: [{ ...MINIMAL.services[0], auth: 'none' }] });
    const running = home.up();
    await waitFor('it publishes', 10_000, () => running.printed().includes('https://a.example.test'));
    running.child.kill('SIGINT');
    expect(await running.child.ended).toMatchObject({ status: 0 });
  });

  test('a relay without a pinned host key', async () => {
    const { hostKey: _, ...relay } = MINIMAL.relay;
    await home.configure({ ...MINIMAL, relay });
    expect(await home.run(['up'])).toMatchObject({
      status: 64,
      stderr: expect.stringContaining('LINK_HOST_KEY_MISSING'),
    });
  });

  test('a second start while one is starting', async () => {
    await home.configure(MINIMAL);
    await mkdir(join(home.root, 'run'), { mode: 0o700 });
    const holder = spawnProcess('sleep', ['30']);
    const identity = await identifyProcess(holder.pid as number);
    await writeFile(join(home.root, 'run/starting.lock'), JSON.stringify(identity));
    expect(await home.run(['up'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('DAEMON_STARTING'),
    });
    holder.kill('SIGKILL');
    await holder.ended;
    expect(await home.run(['up'])).toMatchObject({ status: 77 });
  });
});

test('postern status loads neither edge nor link, and little else', async () => {
  const list = join(home.root, 'modules');
  const hook = `import { registerHooks } from 'node:module'; import { appendFileSync } from 'node:fs';
    registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + '\\n'); return next(url, context); } });`;
  await runProcess(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, PROGRAM, 'status'],
    {
      env: { ...process.env, POSTERN_HOME: home.root },
    },
  );
  const modules = (await readFile(list, 'utf8')).trimEnd().split('\n');
  const own = modules.flatMap((url) => /\/src\/(.*)$/.exec(url)?.[1] ?? []);
  expect(own).toContain('cli/commands/status.ts');
  expect(own.filter((path) => /^(?:edge|link|gateway|config|provision|demo)\//.test(path))).toEqual([]);
  expect(own.length).toBeLessThan(45);
  for (const heavy of ['hono', 'pino', 'zod', 'yaml', 'ssh2', 'ws', '@clack']) {
    expect(
      modules.filter((url) => url.includes(`/node_modules/${heavy}/`)),
      heavy,
    ).toEqual([]);
  }
});

describe('completion', () => {
  const complete = async (script: string, ...words: string[]): Promise<string[]> => {
    const commands = `source ${script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _postern; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await runProcess('bash', ['--norc', '-c', commands, 'bash', 'postern', ...words]);
    return stdout
      .trimEnd()
      .split('\n')
      .filter((word) => word !== '');
  };

  test('bash completes commands, subcommands, options and values', async () => {
    const script = join(home.root, 'completion.bash');
    await writeFile(script, (await home.run(['completion', 'bash'])).stdout);
    expect((await complete(script, '')).toSorted()).toEqual(
      [...Object.keys(COMMANDS), '--help', '--version'].toSorted(),
    );
    expect(await complete(script, 'st')).toEqual(['status', 'stop']);
    expect(await complete(script, 'users', 'p')).toEqual(['passwd']);
    expect(await complete(script, 'users', 'add', '--p')).toEqual(['--password-stdin']);
    expect(await complete(script, 'status', '--')).toEqual(['--json', '--watch', '--help']);
    expect(await complete(script, 'completion', '')).toEqual(['bash', 'zsh', 'fish', '--help']);
    expect(await complete(script, 'no-such', '')).toEqual([]);
  });

  test('zsh and fish get every command too', async () => {
    for (const shell of ['zsh', 'fish']) {
      const { stdout, status } = await home.run(['completion', shell]);
      expect(status).toBe(0);
      for (const name of Object.keys(COMMANDS)) expect(stdout).toContain(name);
    }
  });
});

describe('logs', () => {
  const line = (number: number, more: object = {}): string =>
    `${JSON.stringify({ level: 'info', time: 1_700_000_000_000, pid: 1, ...more, message: `line ${number}` })}\n`;
  const file = (): string => join(home.root, 'log/daemon.jsonl');

  test('the last lines, from set-aside files too; foreign control characters are shown, not obeyed', async () => {
    await mkdir(join(home.root, 'log'));
    await writeFile(`${file()}.1`, [1, 2, 3].map((n) => line(n)).join(''));
    await writeFile(file(), line(4) + line(5, { name: '\u001b[2Jx' }));
    const { stdout } = await home.run(['logs', '-n', '3']);
    expect(stdout.split('\n').map((text) => /line \d/.exec(text)?.[0])).toEqual([
      'line 3',
      'line 4',
      'line 5',
      undefined,
    ]);
    expect(stdout).toContain('2023-11-14T22:13:20.000Z info  line 5 name=\\u{1b}[2Jx');
    const json = await home.run(['logs', '--json']);
    expect(
      json.stdout
        .trimEnd()
        .split('\n')
        .map((text) => (JSON.parse(text) as { message: string }).message),
    ).toHaveLength(5);
  });

  test('a reader that goes away ends it without a word', async () => {
    await mkdir(join(home.root, 'log'));
    await writeFile(file(), Array.from({ length: 5000 }, (_, n) => line(n)).join(''));
    const pipe = `"$1" "$2" logs -n 5000 | head -n 1`;
    const { stdout, stderr } = await runProcess('sh', ['-c', pipe, 'sh', process.execPath, PROGRAM], {
      env: { ...process.env, POSTERN_HOME: home.root },
    });
    expect({ lines: stdout.split('\n').length, stderr }).toEqual({ lines: 2, stderr: '' });
  });

  test('-f goes on with what is added, also after the file was set aside', async () => {
    await mkdir(join(home.root, 'log'));
    await writeFile(file(), line(1));
    const child = spawnProcess(process.execPath, [PROGRAM, 'logs', '-f', '--json'], {
      env: { ...process.env, POSTERN_HOME: home.root },
    });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const shows = (text: string) => waitFor(`it shows ${text}`, 10_000, () => printed.includes(text));
    await shows('line 1');
    await appendFile(file(), line(2).slice(0, 10));
    await appendFile(file(), line(2).slice(10));
    await shows('line 2');
    await runProcess('mv', [file(), `${file()}.1`]);
    await appendFile(`${file()}.1`, line(3));
    await writeFile(file(), line(4));
    await shows('line 4');
    expect([...printed.matchAll(/line \d/g)].map(String)).toEqual(['line 1', 'line 2', 'line 3', 'line 4']);
    child.kill('SIGINT');
    await child.ended;
  });
});

test('colours only for terminals, and never with NO_COLOR', async () => {
  await mkdir(join(home.root, 'log'));
  await writeFile(join(home.root, 'log/daemon.jsonl'), '{"level":"error","message":"x","a":1}\n');
  const isColoured = async (env: NodeJS.ProcessEnv): Promise<boolean> => {
    const { stdout } = await home.run(['logs'], env);
    return stdout !== stripVTControlCharacters(stdout);
  };
  expect(await isColoured({ NO_COLOR: '' })).toBe(false);
  expect(await isColoured({ NO_COLOR: '', FORCE_COLOR: '1' })).toBe(true);
  expect(await isColoured({ NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
});
