import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Plan } from '../../src/provision/contract.ts';
import type { RunResult } from '../../src/platform/processes.ts';
import { spawnProcess } from '../../src/platform/processes.ts';
import { PosternHome } from '../support/postern-home.ts';
import { type ProvisionLab, startProvisionLab } from '../support/provision-lab.ts';
import { waitFor } from '../support/wait-for.ts';

/** plan, apply, undo and destroy as people call them. */
const NAME = 'chat.example.test';
let relay: ProvisionLab;
let home: PosternHome;
let found: string;

beforeAll(async () => {
  relay = await startProvisionLab({ names: [NAME] });
  await relay.startAtd();
  home = await PosternHome.make();
  await home.joinLab(relay.lab, [NAME]);
  await writeFile(join(home.root, 'ssh/id_ed25519.pub'), await readFile(join(relay.lab.folder, 'key.pub')));
  await configure();
  found = await relay.tree();
});
afterAll(async () => {
  await home?.remove();
  await relay?.stop();
});

const configure = (change: { user?: string; names?: readonly string[] } = {}): Promise<void> =>
  home.configure({
    home: relay.lab.home,
    relay: {
      host: relay.lab.relay.host,
      port: relay.lab.relay.port,
      ...(change.user ? { user: change.user } : {}),
    },
    services: (change.names ?? [NAME]).map((name) => ({
      name,
      to: 'http://127.0.0.1:1',
      auth: 'none',
      certificate: home.certificate,
    })),
  });
const postern = (...args: string[]): Promise<RunResult> =>
  home.run([...args, '--ssh-config', relay.sshConfigFile]);

test('from plan to a link that is up, and back', async () => {
  const plan = await postern('plan', '--save', join(home.root, 'plan.json'));
  expect(plan.status).toBe(2);
  expect(plan.stdout).toContain('+ create: the account postern-x');
  expect(plan.stdout).toContain('7 changes, 0 blocked');
  expect(plan.stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(await relay.tree()).toBe(found);
  const unasked = await postern('apply');
  expect(unasked.status).toBe(1);
  expect(unasked.stderr).toContain('PROVISION_NOT_CONFIRMED');
  expect(await relay.tree()).toBe(found);
  const applied = await postern('apply', join(home.root, 'plan.json'));
  expect(applied.stderr).toContain('Done.');
  expect(applied.status).toBe(0);
  expect(await postern('plan')).toMatchObject({ status: 0 });
  const again = await postern('apply', '--json');
  expect(JSON.parse(again.stdout)).toEqual({ applied: [] });
  const running = home.up();
  await home.isUp(running);
  running.child.kill('SIGTERM');
  await running.child.ended;
  expect(await postern('destroy', '--yes')).toMatchObject({ status: 0 });
  expect(await relay.tree()).toBe(found);
}, 60_000);

test('a saved plan is refused when the relay, the configuration or the plan is another one', async () => {
  const file = join(home.root, 'stale.json');
  await postern('plan', '--save', file);
  await relay.sh(
    'mkdir -p /etc/nginx/postern.d; echo "# managed by postern" >/etc/nginx/postern.d/00-names.conf',
  );
  const stale = await postern('apply', file);
  expect(stale.stderr).toContain('PROVISION_PLAN_STALE');
  expect(stale.stderr).toContain('nginx-stream');
  await relay.sh('rm -r /etc/nginx/postern.d');
  await configure({ names: [NAME, 'other.example.test'] });
  expect((await postern('apply', file)).stderr).toContain('PROVISION_PLAN_STALE');
  await configure();
  const plan = JSON.parse(await readFile(file, 'utf8')) as Plan;
  for (const broken of [
    { ...plan, home: 'other' },
    { ...plan, relay: 'other:22' },
    { ...plan, version: 2 },
    [],
    'x',
  ]) {
    await writeFile(file, JSON.stringify(broken));
    expect((await postern('apply', file)).stderr).toContain('PROVISION_PLAN_UNREADABLE');
  }
  expect(await relay.tree()).toBe(found);
}, 60_000);

test("apply that is killed -9 in the dead man's window: the same command goes on, undo takes all of it back", async () => {
  const program = join(import.meta.dirname, '../../bin/postern.js');
  const child = spawnProcess(
    process.execPath,
    [program, 'apply', '--yes', '--ssh-config', relay.sshConfigFile],
    {
      env: { ...process.env, POSTERN_HOME: home.root },
    },
  );
  await waitFor('the switch is armed', 20_000, async () =>
    (await relay.sh('ls /var/lib/postern-switch/sshd-x 2>/dev/null || :')).includes('armed'),
  );
  child.kill('SIGKILL');
  await child.ended;
  expect((await postern('apply', '--yes')).status).toBe(0);
  expect((await postern('plan')).status).toBe(0);
  const undone = await postern('undo', '--yes', '--json');
  expect(JSON.parse(undone.stdout)).toMatchObject({ left: [] });
  expect(await relay.tree()).toBe(found);
  expect((await postern('undo', '--yes')).stderr).toContain('PROVISION_NOTHING_TO_UNDO');
}, 60_000);

test('an account that is not root, another host key and a wrong word are refused with a sentence', async () => {
  await relay.sh(
    'useradd -r -m -d /run/bob -s /bin/sh bob; install -d -o bob -m 700 /run/bob/.ssh; cp /root/.ssh/authorized_keys /run/bob/.ssh/; chown -R bob: /run/bob/.ssh',
  );
  await configure({ user: 'bob' });
  const notRoot = await postern('plan');
  expect(notRoot.stderr).toContain('PROVISION_NOT_ROOT');
  expect(notRoot.status).toBe(77);
  await configure();
  expect((await postern('apply', '--adopt', 'nonsense', '--yes')).stderr).toContain(
    'PROVISION_RESOURCE_UNKNOWN',
  );
  const known = join(home.root, 'ssh/known_hosts');
  const right = await readFile(known, 'utf8');
  await writeFile(
    known,
    right.replaceAll(
      /AAAA\S+/g,
      (await readFile(join(relay.lab.folder, 'key.pub'), 'utf8')).split(' ')[1] as string,
    ),
  );
  const changed = await postern('plan', '--json');
  expect(JSON.parse(changed.stdout)).toMatchObject({ error: { code: 'SSH_HOST_KEY_CHANGED' } });
  await writeFile(known, right);
}, 60_000);
