import { randomBytes } from 'node:crypto';
import { type Server, createServer } from 'node:net';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { inlineSession } from '../../src/core/session-script.ts';
import type { ChildHandle } from '../../src/platform/processes.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { type SessionOptions, type TestSession, openSession } from '../support/relay-session.ts';
import { waitFor } from '../support/wait-for.ts';

let lab: Lab;
let home: Server;
let localPort: number;
beforeAll(async () => {
  lab = await startLab();
  home = createServer((socket) => socket.end('home')).listen(0, '127.0.0.1');
  await new Promise((resolve) => home.once('listening', resolve));
  localPort = (home.address() as { port: number }).port;
});
afterAll(async () => {
  await lab?.stop();
  home?.close();
});

const open: ChildHandle[] = [];
afterEach(async () => {
  for (const child of open) child.kill('SIGKILL');
  await Promise.all(open.splice(0).map((child) => child.ended));
});
async function session(
  options: Pick<SessionOptions, 'slot'> & Partial<SessionOptions>,
): Promise<TestSession> {
  const made = await openSession(lab, { localPort, ...options });
  open.push(made.child);
  return made;
}
const onRelay = async (script: string): Promise<string> =>
  (await lab.run('relay', 'sh', ['-c', script])).stdout.trim();
const isEnded = (made: TestSession): (() => boolean) => {
  let ended = false;
  void made.child.ended.then(() => (ended = true));
  return () => ended;
};
const elapsed = (since: number): number => performance.now() - since;

test('random bytes, NULs, code and over-long words: only well-formed heartbeats are answered', async () => {
  const made = await session({ slot: 1, beats: false });
  const noise = Buffer.from(randomBytes(100_000).map((byte) => (byte === 0x68 ? 0x69 : byte)));
  made.say('h ok-1');
  made.child.stdin.write(
    Buffer.concat([noise, Buffer.from('\n\0\0\nh $(id)\nh `id`\nh ../../x\nh \nh\n  h x\nH y\n')]),
  );
  made.say(`h ${'w'.repeat(33)}`);
  made.say('h two words');
  made.say('take; id');
  made.say(`h ${'w'.repeat(32)}`);
  made.say('h ok-2');
  await waitFor('the last heartbeat comes back', 10_000, () => made.heard().includes('h ok-2'));
  expect(made.heard().split('\n').slice(1)).toEqual(['h ok-1', `h ${'w'.repeat(32)}`, 'h ok-2', '']);
  expect(made.complaints()).toBe('');
});

test('whatever lines come, the answers are those of the protocol', async () => {
  const made = await session({ slot: 7, beats: false });
  const word = fc.stringMatching(/^[0-9a-zA-Z.-]{1,40}$/);
  const text = fc.string({ unit: 'binary', maxLength: 60 }).map((line) => line.replaceAll(/[\n\0]/g, ' '));
  const line = fc.oneof(
    word.map((it) => `h ${it}`),
    fc.constantFrom(
      'take',
      'take ',
      ' take',
      'TAKE',
      'h',
      'h ',
      'h  x',
      '\\',
      'h \\',
      'h *',
      'h ?',
      'h [a]',
      "'",
      '"',
      '`',
    ),
    text.map((it) => `h ${it}`),
    text,
  );
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
      const from = made.heard().length;
      const end = `end-${++round}`;
      for (const it of [...lines, `h ${end}`]) made.say(it);
      await waitFor(end, 10_000, () => made.heard().includes(`h ${end}\n`));
      expect(made.heard().slice(from)).toBe(
        [...lines, `h ${end}`]
          .flatMap(answerTo)
          .map((it) => `${it}\n`)
          .join(''),
      );
    }),
    { numRuns: process.env['POSTERN_LONG'] ? 2000 : 100, endOnFailure: true },
  );
});

/** The protocol as its header says it; there is no older session in this slot. */
function answerTo(line: string): string[] {
  if (line === 'take') return ['none'];
  return /^h [0-9a-zA-Z.-]{1,32}$/.test(line) ? [line] : [];
}

test('an endless line does not eat the memory of the relay, and leaves nothing running', async () => {
  const made = await session({ slot: 2, beats: false });
  const chunk = Buffer.alloc(1_000_000, 0x61);
  const gone = isEnded(made);
  let sent = 0;
  let most = 0;
  while (!gone() && sent < 150) {
    if (!made.child.stdin.write(chunk)) await new Promise((resolve) => setTimeout(resolve, 20));
    sent++;
    if (sent % 10 === 0) {
      const sizes = await onRelay(`ps -u postern-x -o rss=,args= | awk '/session/ {print $1}'`);
      most = Math.max(most, ...sizes.split('\n').map(Number));
    }
  }
  expect(most, 'kilobytes').toBeLessThan(110_000);
});

test('a session without heartbeats ends itself after 15 to 20 s; one with heartbeats lives on', async () => {
  const beating = await session({ slot: 1 });
  const silent = await session({ slot: 2, beats: false });
  const since = performance.now();
  expect(await silent.child.ended).toMatchObject({ status: 255 });
  expect(elapsed(since)).toBeGreaterThan(14_500);
  expect(elapsed(since)).toBeLessThan(21_500);
  beating.say('h still-here');
  await waitFor('it still answers', 5000, () => beating.heard().includes('h still-here'));
}, 40_000);

test('take: the newcomer has the socket at once, the frozen older session is ended when told to', async () => {
  const older = await session({ slot: 3 });
  await lab.faults.freezeSessions(true);
  const newcomer = await session({ slot: 3 });
  expect(newcomer.heard()).toMatch(/^postern 1 slot 3 older \d+\n/);
  const answer = await onRelay('curl -s --http0.9 -m 2 --unix-socket /var/lib/postern/x/3.sock http://x/');
  expect(answer, 'before take, while the older one is alive but frozen').toBe('home');
  const gone = isEnded(older);
  expect(gone()).toBe(false);
  const since = performance.now();
  newcomer.say('take');
  await waitFor('took', 2000, () => newcomer.heard().includes('took'));
  // A stopped process takes no TERM: it is the KILL a second later that ends it.
  await waitFor('the older session is gone', 3000, gone);
  expect(elapsed(since)).toBeLessThan(2500);
  newcomer.say('take');
  await waitFor('none', 2000, () => newcomer.heard().includes('none'));
  expect(await onRelay('curl -s --http0.9 -m 2 --unix-socket /var/lib/postern/x/3.sock http://x/')).toBe(
    'home',
  );
});

test('take with a client that is frozen at home: the older session ends within a moment, and does not come back for the socket', async () => {
  const older = await session({ slot: 4 });
  older.child.kill('SIGSTOP');
  const newcomer = await session({ slot: 4 });
  const since = performance.now();
  newcomer.say('take');
  await waitFor(
    'the older sshd is gone',
    2000,
    async () => (await onRelay('pgrep -xc -u postern-x sshd')) === '1',
  );
  expect(elapsed(since)).toBeLessThan(1000);
  older.child.kill('SIGCONT');
  await older.child.ended;
  expect(older.complaints()).toContain('closed by remote host');
  expect(await onRelay('curl -s --http0.9 -m 2 --unix-socket /var/lib/postern/x/4.sock http://x/')).toBe(
    'home',
  );
});

test('take never ends another process: a pid file that names one with another start time, a foreign one, or rubbish', async () => {
  const bystander = await session({ slot: 5 });
  const pid = (await onRelay('cut -d" " -f1 /var/lib/postern/x/5.pid')).trim();
  for (const line of [
    `${pid} 12345`,
    `${pid}`,
    '1 1',
    '-1 0',
    '0 0',
    '$(id) x',
    '',
    '999999999 1',
    `${pid} ${'9'.repeat(9000)}`,
  ]) {
    await writeFile(lab.relayPath('/var/lib/postern/x/6.pid'), `${line}\n`);
    const made = await session({ slot: 6 });
    made.say('take');
    await waitFor('none', 3000, () => made.heard().includes('none'));
    expect(made.heard()).not.toContain('took');
    made.child.kill('SIGKILL');
    await made.child.ended;
  }
  bystander.say('h alive');
  await waitFor('the bystander lives', 3000, () => bystander.heard().includes('h alive'));
});

test('ended sessions leave no process and no heartbeat file', async () => {
  await waitFor(
    'nothing runs for the account',
    8000,
    async () => (await onRelay('pgrep -c -u postern-x')) === '0',
  );
  const made = await session({ slot: 1 });
  made.child.stdin.end();
  await made.child.ended;
  await waitFor('nothing runs', 8000, async () => (await onRelay('pgrep -c -u postern-x')) === '0');
  expect(await onRelay('ls /var/lib/postern/x')).not.toContain('beat');
});

test.for([
  ['dash', '/bin/sh'],
  ['bash', '/bin/bash'],
  ['busybox', '/bin/busybox-sh'],
])(
  'without root on the relay: the inline session for an ordinary account whose shell is %s',
  async ([name, shell]) => {
    await onRelay(
      `printf '#!/bin/sh\\nexec busybox sh "$@"\\n' >/bin/busybox-sh; chmod 755 /bin/busybox-sh; useradd -m -s ${shell} u-${name}`,
    );
    const folder = lab.relayPath(`/home/u-${name}/.ssh`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'authorized_keys'), await readFile(join(lab.folder, 'key.pub')));
    await onRelay(`chown -R u-${name} /home/u-${name}/.ssh; chmod 700 /home/u-${name}/.ssh`);
    const start = async (): Promise<{ child: ChildHandle; heard: () => string }> => {
      const args = [...lab.sshArgs(), `u-${name}@${lab.relay.host}`, inlineSession('x', 1)];
      const child = lab.spawn('home', 'ssh', args);
      open.push(child);
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
      await waitFor(`hello: ${text}`, 5000, () => text.includes('postern 1 slot 1'));
      return { child, heard: () => text };
    };
    const first = await start();
    const second = await start();
    second.child.stdin.write('h beat\ntake\n');
    await waitFor('took', 5000, () => second.heard().includes('h beat\ntook'));
    expect(await first.child.ended).toMatchObject({ status: 255 });
  },
);
