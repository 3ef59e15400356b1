import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { inlineSession } from '../../src/core/session-script.ts';
import { type TestLink, type TestLinkOptions, startTestLink } from '../support/link-home.ts';
import { must } from '../support/namespace.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

/** No root on the relay: an ordinary account, a TCP port, the session script sent along (docs/adr). */

let lab: Lab;
let home: TestLink;
const PORT = 18_801;

beforeAll(async () => {
  lab = await startLab({ connections: 1 });
  const key = await readFile(join(lab.folder, 'key.pub'), 'utf8');
  await must(lab.run('relay', 'useradd', ['-m', '-s', '/bin/bash', '-p', '*', 'alice']));
  await must(
    lab.run(
      'relay',
      'sh',
      [
        '-c',
        'install -d -o alice -m 700 /home/alice/.ssh && cat > /home/alice/.ssh/authorized_keys && chown alice /home/alice/.ssh/authorized_keys && echo "echo hello from .bashrc" > /home/alice/.bashrc',
      ],
      { input: key },
    ),
  );
});
afterEach(() => home.stop());
afterAll(() => lab.stop());

function begin(options: TestLinkOptions = {}): Promise<TestLink> {
  return startTestLink(lab, {
    relay: { ...lab.relay, account: 'alice' },
    connections: 1,
    heartbeatMs: 500,
    remoteCommand: (slot) => inlineSession('x', slot),
    remote: () => ({ host: '127.0.0.1', port: PORT }),
    sendProbe: async () => void (await ask()),
    ...options,
  });
}

/** A request on the relay's port; what is there answers `SLOT.GENERATION`. */
async function ask(): Promise<string> {
  const { stdout } = await lab.run('relay', 'bash', [
    '-c',
    `exec 3<>/dev/tcp/127.0.0.1/${PORT}; echo hi >&3; read -r -t 1 -u 3 line; echo "$line"`,
  ]);
  return stdout.trim();
}

test('an ordinary account and a port: it comes up, whatever its shell says first', async () => {
  home = await begin();
  await home.allUp();
  expect(await ask()).toBe('1.1');
  expect(home.started.length).toBe(1);
});

test('our own stale session holds the port: it is ended first, then the port is ours', async () => {
  home = await begin();
  await home.allUp();
  const noticed = (): boolean => home.events.some(({ kind }) => kind === 'down');
  home.ssh(1).kill('SIGSTOP');
  await waitFor('the silence is noticed', 3000, noticed);
  const noticedMs = performance.now();
  await waitFor('the way is back', 6000, async () => (await ask()) !== '');
  expect(performance.now() - noticedMs).toBeLessThan(4000);
  await home.allUp();
  await waitFor('the old ssh is gone', 3000, () => home.openEnds.size === 1);
  // One short ssh that ends the stale session, one that carries visitors.
  expect(home.started.length).toBe(3);
});

test('a stale session of an earlier daemon holds the port: the same', async () => {
  const earlier = await begin();
  await earlier.allUp();
  earlier.ssh(1).kill('SIGSTOP');
  home = await begin();
  await home.allUp(8000);
  expect(await ask()).not.toBe('');
  expect(home.events.filter(({ kind }) => kind === 'down')).toMatchObject([{ code: 'SSH_FORWARD_REFUSED' }]);
  await earlier.stop();
});

test('the port belongs to somebody else: that one is left alone and the link says so', async () => {
  const other = lab.spawn('relay', 'python3', [
    '-c',
    `import socket\ns=socket.create_server(("127.0.0.1",${PORT}))\nprint("on",flush=True)\nimport sys; sys.stdin.read()`,
  ]);
  await new Promise((resolve) => other.stdout.once('data', resolve));
  home = await begin();
  await waitFor('it says so', 5000, () => home.link.status()[0]?.lastError?.code === 'SSH_FORWARD_REFUSED');
  await waitFor('it has tried again', 8000, () => home.started.length >= 3);
  const { status } = await lab.run('relay', 'bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${PORT}`]);
  expect(status).toBe(0);
  other.stdin.end();
  await other.ended;
  await home.allUp(12_000);
});
