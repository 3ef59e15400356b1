import { access, writeFile } from 'node:fs/promises';
import { type Server, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../../src/platform/processes.ts';
import { sshdSettings } from '../../src/provision/render/sshd.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { openSession } from '../support/relay-session.ts';
import { waitFor } from '../support/wait-for.ts';

/** What a thief of the link's key can do on the relay: nothing but remote unix sockets. Each row is one attempt. */
let lab: Lab;
let home: Server;
let homePort: number;
beforeAll(async () => {
  lab = await startLab();
  home = createServer((socket) => socket.end('home')).listen(0, '127.0.0.1');
  await new Promise((resolve) => home.once('listening', resolve));
  homePort = (home.address() as { port: number }).port;
  await lab.run('relay', 'useradd', ['-m', '-s', '/bin/bash', 'alice']);
});
afterAll(async () => {
  await lab?.stop();
  home?.close();
});

const target = (): string => `${lab.account}@${lab.relay.host}`;
const ssh = (options: readonly string[], command?: string, env: NodeJS.ProcessEnv = {}): Promise<RunResult> =>
  lab.run(
    'home',
    'ssh',
    [...lab.sshArgs(), ...options, target(), ...(command === undefined ? [] : [command])],
    { timeoutMs: 10_000, env: { ...process.env, ...env } },
  );
const onRelay = async (script: string): Promise<string> =>
  (await lab.run('relay', 'sh', ['-c', script])).stdout.trim();

const ODD_COMMANDS = [
  undefined,
  'id',
  'link',
  'link 0',
  'link 9',
  'link 1 ',
  'link 1;id',
  'link 1\nid',
  'link `id`',
  'link $(id)',
  '`id`',
  'scp -t /tmp',
  'rsync --server . /tmp',
  'internal-sftp',
  '/bin/sh -i',
  `link 1${'1'.repeat(5000)}`,
];

test.for(ODD_COMMANDS.map((command) => [command?.slice(0, 30), command] as const))(
  'no other command is run: %j',
  async ([, command]) => {
    const { status, stdout, stderr } = await ssh([], command);
    expect(stderr).toContain('postern: refused');
    expect(stdout).toBe('');
    expect(status).toBe(64);
  },
);

test('a terminal, sftp, scp and subsystems are refused', async () => {
  expect((await ssh(['-tt'], 'id')).stderr).toContain('PTY allocation request failed');
  expect((await ssh(['-s'], 'sftp')).status).not.toBe(0);
  expect((await ssh(['-s'], 'x')).stderr).toContain('subsystem request failed');
  const options = lab.sshArgs().filter((option) => option !== '-T');
  const sftp = await lab.run('home', 'sftp', [...options, '-b', '/dev/null', target()], {
    timeoutMs: 10_000,
  });
  expect(sftp.stderr).toContain('Connection closed');
  const file = join(lab.folder, 'payload');
  await writeFile(file, 'payload');
  const scp = await lab.run('home', 'scp', ['-O', ...options, file, `${target()}:/tmp/payload`], {
    timeoutMs: 10_000,
  });
  expect(scp.status).not.toBe(0);
  expect(await onRelay('ls /tmp')).not.toContain('payload');
});

describe('forwards from home into the relay', () => {
  test('-W', async () => {
    const { status, stderr } = await ssh(['-W', '127.0.0.1:22']);
    expect(stderr).toContain('administratively prohibited');
    expect(status).toBe(255);
  });

  test.for([
    ['-L tcp', (port: number) => ['-L', `127.0.0.1:${port}:127.0.0.1:22`]],
    ['-L unix', (port: number) => ['-L', `127.0.0.1:${port}:/var/lib/postern/x/1.sock`]],
    ['-D', (port: number) => ['-D', `127.0.0.1:${port}`]],
  ] as const)('%s', async ([name, args]) => {
    const port = await freePort();
    const child = lab.spawn('home', 'ssh', [...lab.sshArgs(), ...args(port), target(), 'link 5']);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await waitFor('ssh says slot 5', 10_000, () => said.includes('slot 5'));
    const socks = Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 22]);
    expect(await talk(port, name === '-D' ? socks : Buffer.from('hello\n'))).not.toContain('SSH-2.0');
    await waitFor('ssh says open failed', 10_000, () => said.includes('open failed'));
    expect(said).toMatch(/administratively prohibited|open failed/);
    child.kill('SIGKILL');
    await child.ended;
  });
});

describe('forwards from the relay to home', () => {
  test.for(['5555', '0', '127.0.0.1:5556', '0.0.0.0:5557', '[::1]:5558'])('-R on TCP %s', async (listen) => {
    const { status, stderr } = await ssh([
      '-N',
      '-o',
      'ExitOnForwardFailure=yes',
      '-R',
      `${listen}:127.0.0.1:1`,
    ]);
    expect(stderr).toContain('remote port forwarding failed');
    expect(status).toBe(255);
  });

  test('-R as a SOCKS proxy', async () => {
    const { stderr } = await ssh(['-N', '-o', 'ExitOnForwardFailure=yes', '-R', '1080']);
    expect(stderr).toContain('remote port forwarding failed');
  });

  test.for([
    '/etc/ssh/postern/postern-x',
    '/etc/evil.sock',
    '/run/evil.sock',
    '/run/sshd.pid',
    '/home/alice/evil.sock',
    '/var/www/evil.sock',
    '/var/lib/postern/evil.sock',
    '/var/lib/postern/y/1.sock',
    '/var/lib/postern/x/../evil.sock',
    '/usr/local/lib/postern/session',
    '/etc/ssh/sshd_config.d/00-postern-x.conf',
  ])('-R on the path %s', async (path) => {
    const before = await onRelay(`cat ${path} 2>/dev/null | cksum`);
    const { status, stderr } = await ssh([
      '-N',
      '-o',
      'ExitOnForwardFailure=yes',
      '-R',
      `${path}:127.0.0.1:1`,
    ]);
    expect(stderr).toContain('remote port forwarding failed');
    expect(status).toBe(255);
    expect(await onRelay(`cat ${path} 2>/dev/null | cksum`)).toBe(before);
  });

  test.for([
    '/tmp/e.sock',
    '/var/tmp/e.sock',
    '/dev/shm/e.sock',
    '/var/lib/postern/x/../../../../tmp/f.sock',
  ])(
    'what stays possible: a name in a world-writable folder, which nobody else can connect to: %s',
    async (path) => {
      await ssh(['-o', 'ExitOnForwardFailure=yes', '-R', `${path}:127.0.0.1:1`], 'link 6');
      expect(await onRelay(`stat -c '%A %U:%G' ${path}`)).toBe('srw-rw---- postern-x:postern-x');
      const asAlice = await lab.run('relay', 'runuser', [
        '-u',
        'alice',
        '--',
        'curl',
        '-s',
        '--unix-socket',
        path,
        'http://x/',
      ]);
      expect(asAlice.status).toBe(7);
    },
  );
});

test('tunnel devices, X11 and the agent do not come through', async () => {
  expect((await ssh(['-w', 'any:any', '-o', 'ExitOnForwardFailure=yes'], 'link 1')).stderr).toMatch(
    /[Tt]unnel (device open|forwarding) failed/,
  );
  const x11 = await ssh(['-Y', '-o', 'XAuthLocation=/bin/false'], 'link 1', { DISPLAY: ':99' });
  expect(x11.stderr).toContain('X11 forwarding request failed');
  const agent = join(lab.folder, 'agent.sock');
  const agentProcess = lab.spawn('home', 'ssh-agent', ['-D', '-a', agent]);
  await waitFor('the agent listens', 5000, () =>
    access(agent).then(
      () => true,
      () => false,
    ),
  );
  const options = lab
    .sshArgs()
    .map((option) => option.replace('IdentityAgent=none', `IdentityAgent=${agent}`));
  const child = lab.spawn('home', 'ssh', [...options, '-A', target(), 'link 4']);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitFor('ssh says slot 4', 10_000, () => said.includes('slot 4'));
  const environment = await onRelay(
    `for pid in $(pgrep -u postern-x); do tr '\\0' '\\n' </proc/$pid/environ; done; ls -d /tmp/ssh-* 2>/dev/null`,
  );
  expect(environment).toContain('SSH_ORIGINAL_COMMAND=link 4');
  expect(environment).not.toContain('SSH_AUTH_SOCK');
  child.kill('SIGKILL');
  agentProcess.kill('SIGKILL');
  await Promise.all([child.ended, agentProcess.ended]);
});

test('variables that sshd lets in are not run', async () => {
  const { status } = await ssh(['-o', 'SendEnv=LC_ALL LC_EVIL'], 'id', {
    LC_ALL: '$(touch /tmp/pwned)',
    LC_EVIL: '() { :; }; touch /tmp/pwned',
  });
  expect(status).toBe(64);
  expect(await onRelay('ls /tmp')).not.toContain('pwned');
});

test('a password is not asked for, and no other key is believed', async () => {
  const other = join(lab.folder, 'other');
  await lab.run('home', 'ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
  const args = lab.sshArgs().map((option) => (option === lab.relay.identityFile ? other : option));
  const { status, stderr } = await lab.run('home', 'ssh', [...args, target(), 'link 1']);
  expect(stderr).toContain('Permission denied (publickey)');
  expect(status).toBe(255);
});

test("another account cannot open, list or replace the home's sockets; nginx's worker can connect and no more", async () => {
  const session = await openSession(lab, { slot: 1, localPort: homePort });
  const as = async (user: string, ...command: string[]): Promise<RunResult> =>
    lab.run('relay', 'runuser', ['-u', user, '--', ...command]);
  const socket = '/var/lib/postern/x/1.sock';
  expect(await onRelay(`stat -c '%A %U:%G' ${socket} /var/lib/postern/x`)).toBe(
    'srw-rw---- postern-x:www-data\ndrwx--s--- postern-x:www-data',
  );
  const fetchAs = (user: string): Promise<RunResult> =>
    as(user, 'curl', '-s', '--http0.9', '-m', '5', '--unix-socket', socket, 'http://x/');
  expect((await fetchAs('alice')).status).toBe(7);
  expect((await fetchAs('www-data')).stdout).toBe('home');
  for (const user of ['alice', 'www-data']) {
    expect((await as(user, 'ls', '/var/lib/postern/x')).status).not.toBe(0);
    expect((await as(user, 'touch', '/var/lib/postern/x/evil')).status).not.toBe(0);
    expect((await as(user, 'rm', '-f', socket)).status).not.toBe(0);
  }
  expect(await onRelay('id -Gn postern-x')).toBe('postern-x');
  session.child.kill('SIGKILL');
  await session.child.ended;
});

const effective = async (user: string): Promise<Map<string, string>> => {
  const { stdout, stderr } = await lab.run('relay', '/usr/sbin/sshd', [
    '-T',
    '-C',
    `user=${user},host=h,addr=192.0.2.9`,
  ]);
  expect(stderr).toBe('');
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0] as string, line.slice(line.indexOf(' ') + 1)]),
  );
};

test("sshd's effective values for the account are ours, one by one", async () => {
  const values = await effective('postern-x');
  for (const [keyword, value] of sshdSettings('x')) {
    expect(`${keyword} ${values.get(keyword.toLowerCase())}`).toBe(`${keyword} ${value}`);
  }
});

test.for(['root', 'alice'])('for %s every value of sshd is as before', async (user) => {
  const withOurs = await effective(user);
  const file = '/etc/ssh/sshd_config.d/00-postern-x.conf';
  await onRelay(`mv ${file} /tmp/aside`);
  const before = await effective(user);
  await onRelay(`mv /tmp/aside ${file}`);
  expect([...withOurs]).toEqual([...before]);
  expect(withOurs.get('allowtcpforwarding')).toBe('yes');
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Everything that comes back until the other side closes. */
function talk(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.setTimeout(5000, () => socket.destroy());
  });
}
