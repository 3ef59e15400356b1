import { createServer } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { socketOf } from '../../src/core/relay-layout.ts';
import { hasAesInstructions } from '../../src/platform/cpu.ts';
import { runProcess } from '../../src/platform/processes.ts';
import { sshArguments } from '../../src/link/argv.ts';
import { startTestLink, visit } from '../support/link-home.ts';
import { quickestMs } from '../support/quickest.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await startLab({ connections: 1 });
});
afterAll(() => lab.stop());

/** The quick quarter: what a busy machine adds is not what is measured. */
async function quickVisitMs(rank = 5): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < 21; count++) {
    const startMs = performance.now();
    await visit(lab, 2000);
    times.push(performance.now() - startMs);
  }
  return times.sort((a, b) => a - b)[rank] as number;
}

/** sshd switches Nagle's algorithm off when a session is opened; from 10.1 on always. */
test('a request does not wait for a delayed ACK: with -N instead of a session it does, before OpenSSH 10.1', async () => {
  const home = await startTestLink(lab, { connections: 1 });
  await home.allUp();
  const sessionMs = await quickestMs(25, () => quickVisitMs());
  await home.stop();

  const folder = await mkdtemp(join(lab.folder, 'no-session-'));
  const path = join(folder, 'home.sock');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write('1.1\n'));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const forward = `${socketOf(lab.home, 1, 'tls')}:${path}`;
  const target = ['-l', lab.account, lab.relay.host];
  const bare = lab.spawn('home', 'ssh', [...lab.sshArgs(), '-N', '-R', forward, ...target]);
  await waitFor('the bare tunnel is up', 5000, () => visit(lab, 500).then(Boolean, () => false));
  // The median: a young connection's first segments are acknowledged at once, and then nothing stalls.
  const bareMs = await quickVisitMs(10);
  bare.kill('SIGTERM');
  await bare.ended;
  server.close();
  await rm(folder, { recursive: true, force: true });

  expect(sessionMs).toBeLessThan(25);
  const [, major, minor] = /OpenSSH_(\d+)\.(\d+)/.exec((await runProcess('ssh', ['-V'])).stderr) ?? [];
  const isBareSlow = Number(major) * 100 + Number(minor) < 1001;
  expect(bareMs > sessionMs + 25).toBe(isBareSlow);
});

test('the real ssh takes every argument as it is meant, spaces and percent signs included', async () => {
  const args = sshArguments({
    relay: {
      host: 'relay.example.com',
      port: 34_567,
      account: 'postern-mac',
      identityFile: '/home/me/100% mine/key',
      knownHostsFile: '/home/me/100% mine/known hosts',
    },
    forwards: [
      { remote: { path: '/var/lib/postern/mac/1.sock' }, local: { path: '/home/me/a folder/1.sock' } },
      { remote: { host: '127.0.0.1', port: 18_801 }, local: { host: '::1', port: 8443 } },
    ],
    remoteCommand: 'link 1',
    hasAes: true,
  });
  const { status, stdout, stderr } = await runProcess('ssh', ['-G', ...args]);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const lines = stdout.split('\n');
  for (const line of [
    'user postern-mac',
    'port 34567',
    'hostname relay.example.com',
    'batchmode yes',
    'identitiesonly yes',
    'exitonforwardfailure yes',
    'stricthostkeychecking true',
    'controlmaster false',
    'requesttty false',
    'compression no',
    'passwordauthentication no',
  ]) {
    expect(lines).toContain(line);
  }
  expect(stdout).toContain('ciphers aes128-gcm@openssh.com,');
  expect(stdout).toMatch(/identityfile "?\/home\/me\/100%%? mine\/key/);
  expect(stdout).toContain('/var/lib/postern/mac/1.sock');
});

test('the processor is read as the kernel describes it', async () => {
  const { stdout } = await runProcess('grep', ['-cw', 'aes', '/proc/cpuinfo']);
  expect(await hasAesInstructions()).toBe(Number(stdout) > 0);
});
