import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { silentLog } from '../../src/core/log.ts';
import { runProcess } from '../../src/platform/processes.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type DemoRelay, startDemoRelay } from '../../src/link/demo-relay/demo-relay.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';

/** The embedded relay against the real ssh client; behind it a server that sees the relay's bytes as they are. */

let folder: string;
let relay: DemoRelay;
let home: Server;
/** Connections at home: their first bytes, and how many came in all. */
interface Arrival {
  head: string;
  bytes: number;
  readonly socket: Socket;
}
let arrived: Arrival[] = [];
const children = new Set<ChildProcess>();

beforeAll(async () => {
  folder = makeTestFolder();
  relay = await startDemoRelay({
    home: 'demo',
    serverNames: ['chat.localhost'],
    httpsPort: 0,
    clock: systemClock,
    log: silentLog,
  });
  writeFileSync(join(folder, 'key'), relay.clientPrivateKey, { mode: 0o600 });
  writeFileSync(join(folder, 'known_hosts'), `[127.0.0.1]:${relay.sshPort} ${relay.hostKey}\n`);
  home = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    const arrival: Arrival = { head: '', bytes: 0, socket };
    socket.once('data', () => arrived.push(arrival));
    socket.on('data', (chunk: Buffer) => {
      arrival.bytes += chunk.length;
      if (arrival.head.length < 65_536) arrival.head += chunk.toString('latin1');
    });
  }).listen(0, '127.0.0.1');
  await once(home, 'listening');
});

afterEach(async () => {
  for (const { socket } of arrived) socket.destroy();
  arrived = [];
  for (const child of children) await end(child);
});

afterAll(async () => {
  await relay.stop();
  home.close();
  rmSync(folder, { recursive: true, force: true });
});

const SSH_OPTIONS = [
  '-F',
  'none',
  '-o',
  'BatchMode=yes',
  '-o',
  'IdentitiesOnly=yes',
  '-o',
  'StrictHostKeyChecking=yes',
  '-o',
  'GlobalKnownHostsFile=/dev/null',
  '-o',
  'ExitOnForwardFailure=yes',
  '-o',
  'LogLevel=ERROR',
];

function sshArgs(args: readonly string[], key = 'key'): string[] {
  const files = ['-i', join(folder, key), '-o', `UserKnownHostsFile=${join(folder, 'known_hosts')}`];
  return [...SSH_OPTIONS, ...files, '-p', String(relay.sshPort), ...args];
}

const forward = (slot: number): string =>
  `/var/lib/postern/demo/${slot}.sock:127.0.0.1:${(home.address() as AddressInfo).port}`;

/** A connection of the link, once the session has greeted. */
async function openLink(slot: number): Promise<{ child: ChildProcess; greeting: string }> {
  const child = spawn('ssh', sshArgs(['-T', '-R', forward(slot), 'postern-demo@127.0.0.1', `link ${slot}`]));
  children.add(child);
  const [greeting] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, greeting: greeting.toString() };
}

async function end(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function runSsh(args: readonly string[], key?: string) {
  const { status, stdout, stderr } = await runProcess('ssh', sshArgs(args, key), { timeoutMs: 15_000 });
  return { status, words: stdout + stderr };
}

/** A visitor of the relay; its bytes are those of a TLS client. */
function visit(servername: string, host = '127.0.0.1') {
  const client = connectTls({ host, port: relay.httpsPort, servername, rejectUnauthorized: false });
  client.on('error', () => {});
  return client;
}

const until = (isTrue: () => boolean, withinMs = 10_000): Promise<true> =>
  waitFor('what the test says', withinMs, isTrue) as Promise<true>;

test('a real ssh client gets a session that greets, echoes heartbeats, and nothing else', async () => {
  const { child, greeting } = await openLink(1);
  expect(greeting).toBe('postern 1 slot 1 older none\n');
  child.stdin?.write('id\nh one\n');
  const [echo] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as unknown as [Buffer];
  expect(echo.toString()).toBe('h one\n');
});

test('a visitor of the served name arrives at home with a PROXY header and its own ClientHello', async () => {
  await openLink(1);
  for (const [host, family] of [
    ['127.0.0.1', 'TCP4'],
    ['::1', 'TCP6'],
  ] as const) {
    arrived = [];
    const visitor = visit('chat.localhost', host);
    await until(() => arrived.length === 1);
    await until(() => arrived[0]?.head.includes('chat.localhost') === true);
    const head = arrived[0]?.head ?? '';
    expect(head).toMatch(new RegExp(`^PROXY ${family} ${host} ${host} \\d+ ${relay.httpsPort}\r\n\x16\x03`));
    visitor.destroy();
    await until(() => arrived[0]?.socket.destroyed === true || arrived[0]?.socket.readableEnded === true);
  }
});

test('another name, no name and no TLS are closed without a word to home', async () => {
  await openLink(1);
  const raw = connect(relay.httpsPort, '127.0.0.1').on('error', () => {});
  raw.write('GET / HTTP/1.1\r\nHost: chat.localhost\r\n\r\n');
  const visitors = [visit('other.localhost'), visit(''), raw];
  await until(() => visitors.every((visitor) => visitor.closed));
  expect(arrived).toEqual([]);
});

test('two connections share the visitors; when one dies the other takes them all', async () => {
  const first = await openLink(1);
  await openLink(2);
  const counts = () => arrived.length;
  for (let n = 0; n < 4; n++) {
    visit('chat.localhost');
    await until(() => counts() === n + 1);
  }
  await end(first.child);
  for (let n = 4; n < 10; n++) {
    visit('chat.localhost');
    await until(() => counts() === n + 1);
  }
});

test('a newcomer takes the slot over while the older client is frozen, and `take` ends the older one', async () => {
  const older = await openLink(1);
  older.child.kill('SIGSTOP');
  const newer = await openLink(1);
  expect(newer.greeting).toMatch(/^postern 1 slot 1 older \d+\n$/);
  for (let n = 0; n < 3; n++) {
    visit('chat.localhost');
    await until(() => arrived.length === n + 1, 900);
  }
  newer.child.stdin?.write('take\n');
  const [answer] = (await once(newer.child.stdout as NodeJS.ReadableStream, 'data')) as unknown as [Buffer];
  expect(answer.toString()).toBe('took\n');
  older.child.kill('SIGCONT');
  await once(older.child, 'exit');
  visit('chat.localhost');
  await until(() => arrived.length === 4);
});

test('a frozen connection delays a visitor by a second, then the next one serves', async () => {
  const frozen = await openLink(1);
  await openLink(2);
  frozen.child.kill('SIGSTOP');
  const startMs = Date.now();
  visit('chat.localhost');
  visit('chat.localhost');
  await until(() => arrived.length === 2, 4000);
  expect(Date.now() - startMs).toBeGreaterThanOrEqual(900);
});

test('bytes arrive whole in both directions, and the end of one direction leaves the other open', async () => {
  await openLink(1);
  const visitor = connect({ port: relay.httpsPort, host: '127.0.0.1', allowHalfOpen: true });
  const hello = await clientHello();
  const upBytes = 8 * 1024 * 1024;
  const downBytes = 8 * 1024 * 1024;
  visitor.write(hello);
  visitor.end(Buffer.alloc(upBytes, 'u'));
  await until(() => arrived.length === 1);
  const { socket } = arrived[0] as Arrival;
  await until(() => socket.readableEnded);
  const headerLength = (arrived[0]?.head ?? '').indexOf('\r\n') + 2;
  expect(arrived[0]?.bytes).toBe(headerLength + hello.length + upBytes);
  socket.end(Buffer.alloc(downBytes, 'd'));
  let back = 0;
  visitor.on('data', (chunk: Buffer) => (back += chunk.length));
  await until(() => visitor.readableEnded);
  expect(back).toBe(downBytes);
});

test('a visitor that does not read holds the home back instead of filling the relay’s memory', async () => {
  await openLink(1);
  const visitor = connect({ port: relay.httpsPort, host: '127.0.0.1' });
  visitor.on('error', () => {});
  visitor.pause();
  visitor.write(await clientHello());
  await until(() => arrived.length === 1);
  const { socket } = arrived[0] as Arrival;
  const chunk = Buffer.alloc(1024 * 1024);
  let accepted = 0;
  for (let n = 0; n < 64; n++) socket.write(chunk, (error) => (accepted += error ? 0 : 1));
  await until(() => accepted > 0);
  // It stops growing: the same count for half a second.
  let sameTimes = 0;
  let last = -1;
  await until(() => {
    sameTimes = last === accepted ? sameTimes + 1 : 0;
    last = accepted;
    return sameTimes > 25;
  });
  expect(accepted).toBeLessThan(40);
  visitor.destroy();
});

/** A ClientHello for chat.localhost as bytes. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  const client = connectTls({ socket, servername: 'chat.localhost', rejectUnauthorized: false });
  client.on('error', () => {});
  const [accepted] = (await once(listener, 'connection')) as [Socket];
  const [bytes] = (await once(accepted, 'data')) as [Buffer];
  accepted.on('error', () => {}).destroy();
  client.destroy();
  listener.close();
  return bytes;
}

test('another key, another account and a password are refused', async () => {
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'other')]);
  expect((await runSsh(['postern-demo@127.0.0.1', 'link 1'], 'other')).words).toContain(
    'Permission denied (publickey)',
  );
  expect((await runSsh(['root@127.0.0.1', 'link 1'])).words).toContain('Permission denied (publickey)');
});

/** An agent that shows the right public key and signs with another one. */
class Impostor extends ssh2.BaseAgent<Buffer> {
  override getIdentities(callback: (error?: Error | null, keys?: Buffer[]) => void): void {
    callback(null, [parseKey(relay.clientPrivateKey).getPublicSSH()]);
  }
  override sign(_key: unknown, data: Buffer, ...rest: unknown[]): void {
    const other = parseKey(ssh2.utils.generateKeyPairSync('ed25519').private);
    const callback = rest.at(-1) as (error: null, signature: Buffer) => void;
    callback(null, other.sign(data) as Buffer);
  }
}

function parseKey(text: string): ssh2.ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}

test('who knows the right public key and signs with another one is refused', async () => {
  const client = new ssh2.Client();
  const outcome = new Promise<string>((resolve) => {
    client.once('ready', () => resolve('let in'));
    client.once('error', (error) => resolve(error.message));
  });
  const login = { username: 'postern-demo', agent: new Impostor(), authHandler: ['agent' as const] };
  client.connect({ host: '127.0.0.1', port: relay.sshPort, ...login });
  expect(await outcome).toBe('All configured authentication methods failed');
  client.end();
});

test.each([
  ['a command', ['postern-demo@127.0.0.1', 'id'], 64],
  ['a command that begins well', ['postern-demo@127.0.0.1', 'link 1;id'], 64],
  ['slot 9', ['postern-demo@127.0.0.1', 'link 9'], 64],
  ['a shell', ['-T', 'postern-demo@127.0.0.1'], 255],
  ['a subsystem', ['-s', 'postern-demo@127.0.0.1', 'sftp'], 255],
  ['a TCP forward back', ['-R', '0:127.0.0.1:1', 'postern-demo@127.0.0.1', 'link 1'], 255],
  ['a socket elsewhere', ['-R', '/tmp/e.sock:127.0.0.1:1', 'postern-demo@127.0.0.1', 'link 1'], 255],
  [
    'a socket beyond the folder',
    ['-R', '/var/lib/postern/demo/../1.sock:127.0.0.1:1', 'postern-demo@127.0.0.1', 'link 1'],
    255,
  ],
  ['a TCP forward out', ['-W', '127.0.0.1:22', 'postern-demo@127.0.0.1'], 255],
])('%s is refused', async (_what, args, status) => {
  expect((await runSsh(args)).status).toBe(status);
});

test('a tunnel out through a good session is refused', async () => {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const port = (free.address() as AddressInfo).port;
  free.close();
  await once(free, 'close');
  const child = spawn(
    'ssh',
    sshArgs(['-T', '-L', `${port}:127.0.0.1:${relay.sshPort}`, 'postern-demo@127.0.0.1', 'link 3']),
  );
  children.add(child);
  await once(child.stdout, 'data');
  const visitor = connect(port, '127.0.0.1').on('error', () => {});
  visitor.resume();
  await until(() => visitor.closed);
  expect(visitor.bytesRead).toBe(0);
});

test('listens on loopback addresses only', () => {
  const { stdout } = spawnSync('ss', ['-Hltnp'], { encoding: 'utf8' });
  const ours = stdout.split('\n').filter((line) => line.includes(`pid=${process.pid},`));
  const addresses = ours.map((line) => line.trim().split(/\s+/)[3] ?? '');
  expect(addresses.filter((address) => address.endsWith(`:${relay.httpsPort}`))).toHaveLength(2);
  for (const address of addresses) expect(address).toMatch(/^(127\.0\.0\.1|\[::1\]):/);
});
