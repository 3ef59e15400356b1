import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { runProcess } from '../../src/platform/processes.ts';
import { type TestLink, startTestLink } from '../support/link-home.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

/** A refusal of key or host is not retried: servers count it against the whole address (PerSourcePenalties, fail2ban). */

let lab: Lab;
let home: TestLink;

beforeAll(async () => {
  lab = await startLab();
});
afterEach(() => home.stop());
afterAll(() => lab.stop());

async function attemptsSeen(): Promise<number> {
  const lines = (await lab.sshdLog()).split('\n');
  return lines.filter((line) => /^Connection (closed|reset) by authenticating user/.test(line)).length;
}

test('a refused key costs one attempt for the whole pool, whatever happens in the next seconds', async () => {
  const stranger = join(lab.folder, 'stranger');
  await runProcess('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', stranger]);
  const before = await attemptsSeen();
  home = await startTestLink(lab, { relay: { ...lab.relay, identityFile: stranger } });
  await expect(home.link.ready).rejects.toMatchObject({ code: 'SSH_KEY_REFUSED', exit: 77 });
  for (let times = 0; times < 8; times++) {
    home.link.probeNow('woke up, changed address, woke up again');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  expect(home.started.length).toBe(1);
  expect((await attemptsSeen()) - before).toBe(1);
  expect(home.events.filter(({ kind }) => kind === 'halted')).toMatchObject([{ code: 'SSH_KEY_REFUSED' }]);
  expect(home.link.status()[0]?.lastError?.code).toBe('SSH_KEY_REFUSED');
});

test('another host key than the pinned one: one attempt, and no forward was ever asked for', async () => {
  const knownHostsFile = join(lab.folder, 'known_hosts_other');
  const other = join(lab.folder, 'other');
  await runProcess('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
  const { stdout } = await runProcess('ssh-keygen', ['-y', '-f', other]);
  await writeFile(knownHostsFile, `${lab.relay.host} ${stdout.split(' ').slice(0, 2).join(' ')}\n`);
  home = await startTestLink(lab, { relay: { ...lab.relay, knownHostsFile } });
  await expect(home.link.ready).rejects.toMatchObject({ code: 'SSH_HOST_KEY_CHANGED' });
  home.link.probeNow('woke up');
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(home.started.length).toBe(1);
});

test('a key that is taken away stops new connections and leaves the living ones', async () => {
  const path = `/etc/ssh/postern/${lab.account}`;
  home = await startTestLink(lab);
  await home.allUp();
  await lab.run('relay', 'mv', [path, `${path}.away`]);
  try {
    home.ssh(2).kill('SIGKILL');
    await waitFor('it is halted', 5000, () => home.events.some(({ kind }) => kind === 'halted'));
    expect(home.link.status()).toMatchObject([{ state: 'up' }, { state: 'waiting' }]);
    home.ssh(1).kill('SIGKILL');
    await waitFor('slot 1 is lost', 2000, () => home.link.status()[0]?.state === 'waiting');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(home.started.length).toBe(3);
  } finally {
    await lab.run('relay', 'mv', [`${path}.away`, path]);
  }
});

test('a host that could be read as an option never reaches ssh', async () => {
  home = await startTestLink(lab, { relay: { ...lab.relay, host: '-oProxyCommand=touch /tmp/owned' } });
  await expect(home.link.ready).rejects.toMatchObject({ code: 'SSH_ARGUMENT_REFUSED' });
  expect(home.started.length).toBe(0);
});
