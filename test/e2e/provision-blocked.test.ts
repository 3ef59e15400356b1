import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Plan } from '../../src/provision/contract.ts';
import { type EngineOptions, applyPlan, computePlan, destroyAll } from '../../src/provision/engine.ts';
import { type ProvisionLab, startProvisionLab } from '../support/provision-lab.ts';

/** What is on the relay already is never overwritten: the plan says what stands in the way, and nothing changes. */
let relay: ProvisionLab;
let engine: EngineOptions;
let found: string;
const cleanups: string[] = [];

beforeAll(async () => {
  relay = await startProvisionLab({ names: ['chat.example.test'] });
  await relay.startAtd();
  engine = await relay.engine();
  found = await relay.tree();
});
afterAll(() => relay?.stop());
beforeEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await relay.sh(cleanup);
  expect(await relay.tree(), 'the test before left something').toBe(found);
});

/** Changes the relay as its owner would, for one test. */
const owner = async (change: string, cleanup: string): Promise<void> => {
  cleanups.push(cleanup);
  await relay.sh(change);
};
const plan = (): Promise<Plan> => computePlan(engine);

/** Every sentence and line about one resource. */
const saidOf = ({ blocked }: Plan, resource: string): string =>
  blocked
    .filter((one) => one.resource === resource)
    .flatMap(({ obstacles }) => obstacles.flatMap(({ sentence, lines }) => [sentence, ...lines]))
    .join('\n');

async function isRefused(): Promise<void> {
  const before = await relay.tree();
  await expect(applyPlan(engine, await computePlan(engine))).rejects.toMatchObject({
    code: 'PROVISION_BLOCKED',
  });
  expect(await relay.tree()).toBe(before);
}

test('a foreign file is blocked, taken over with --adopt, and put back by destroy with its mode', async () => {
  const path = '/etc/nginx/conf.d/00-postern-x.conf';
  await owner(
    `echo '# the owner has a word' >${path}; chmod 0640 ${path}; chgrp adm ${path}`,
    `rm -f ${path}`,
  );
  const before = await relay.tree();
  const blocked = await plan();
  expect(saidOf(blocked, 'http-redirect')).toContain(`${path} is there and is not Postern's`);
  expect(saidOf(blocked, 'http-redirect')).toContain('- # the owner has a word');
  expect(saidOf(blocked, 'http-redirect')).toContain('postern apply --adopt http-redirect');
  await isRefused();
  const adopted = new Set(['http-redirect']);
  const changes = await computePlan(engine, adopted);
  expect(changes.changes.find(({ resource }) => resource === 'http-redirect')?.action).toBe('adopt');
  await applyPlan(engine, changes, adopted);
  expect((await plan()).changes).toEqual([]);
  expect(await relay.sh(`cat ${path}`)).toContain('managed by postern');
  await destroyAll(engine);
  expect(await relay.tree()).toBe(before);
});

test.for([
  ['DenyUsers postern-*', 'keeps postern-x out: DenyUsers postern-*'],
  ['DenyGroups *-x', 'keeps postern-x out: DenyGroups *-x'],
  ['Match all\n    AllowTcpForwarding no', 'another setting of the relay wins: AllowTcpForwarding is no'],
  ['Match User postern-*\n    PermitTTY yes', 'another setting of the relay wins: PermitTTY is yes'],
  ['Nonsense yes', "sshd does not accept the relay's configuration as it is"],
] as const)('%s', async ([text, sentence]) => {
  const path = '/etc/ssh/sshd_config.d/00-a.conf';
  await owner(`printf '%s\\n' '${text}' >${path}`, `rm -f ${path}`);
  const said = saidOf(await plan(), 'sshd');
  expect(said).toContain(sentence);
  expect(said).toContain(`${path}`);
  await isRefused();
});

test('sshd_config without its Include is blocked, with the line to add', async () => {
  await owner(
    'cp -p /etc/ssh/sshd_config /run/kept; sed -i /^Include/d /etc/ssh/sshd_config',
    'cp -p /run/kept /etc/ssh/sshd_config',
  );
  const said = saidOf(await plan(), 'sshd');
  expect(said).toContain('does not read the folder sshd_config.d');
  expect(said).toContain('Include /etc/ssh/sshd_config.d/*.conf');
  await isRefused();
});

test("the administrator's global settings do not stop the account, and are not changed", async () => {
  const path = '/etc/ssh/sshd_config.d/50-strict.conf';
  await owner(
    `printf '%s\\n' 'DisableForwarding yes' 'AllowUsers root alice' 'PasswordAuthentication no' 'MaxSessions 3' >${path}; kill -HUP "$(cat /run/sshd.pid)"`,
    `rm -f ${path}; kill -HUP "$(cat /run/sshd.pid)"`,
  );
  const asRoot = (): Promise<string> => relay.sh('sshd -T -C user=root,host=h,addr=1.2.3.4');
  const before = await asRoot();
  await applyPlan(engine, await computePlan(engine));
  expect(await asRoot()).toBe(before);
  await destroyAll(engine);
});

test('a web site on 443 is blocked: the plan says which lines, and nothing moves', async () => {
  const path = '/etc/nginx/sites-enabled/blog';
  await owner(`echo 'server { listen 0.0.0.0:443; server_name blog; }' >${path}`, `rm -f ${path}`);
  const said = saidOf(await plan(), 'nginx-stream');
  expect(said).toContain('Web sites of the relay listen on port 443');
  expect(said).toContain(`${path}:1  listen 0.0.0.0:443`);
  await isRefused();
});

test("a foreign stream block is blocked with the line to add; with that line Postern's own block is not needed", async () => {
  const path = '/etc/nginx/modules-enabled/90-own.conf';
  const block = (inside: string): string =>
    `printf '%s\\n' 'stream {' '    server { listen 127.0.0.1:9999; return ok; }' '${inside}' '}' >${path}`;
  await owner(block(''), `rm -f ${path}`);
  const said = saidOf(await plan(), 'nginx-stream');
  expect(said).toContain(`has its own in ${path}:1`);
  expect(said).toContain('include /etc/nginx/postern.d/*.conf;');
  await isRefused();
  await relay.sh(block('include /etc/nginx/postern.d/*.conf;'));
  const before = await relay.tree();
  await applyPlan(engine, await computePlan(engine));
  expect((await computePlan(engine)).changes).toEqual([]);
  expect(await relay.sh('ls /etc/nginx/modules-enabled')).not.toContain('99-postern.conf');
  await destroyAll(engine);
  expect(await relay.tree()).toBe(before);
});

test('what nginx does not accept is taken back, and nginx goes on', async () => {
  const path = '/etc/nginx/postern.d/zz.conf';
  await owner(`mkdir /etc/nginx/postern.d; echo 'nonsense on;' >${path}`, 'rm -r /etc/nginx/postern.d');
  await expect(applyPlan(engine, await computePlan(engine))).rejects.toMatchObject({
    code: 'PROVISION_STEP_FAILED',
    message: expect.stringContaining('unknown directive "nonsense"'),
  });
  expect(await relay.sh('find /etc/nginx -name "*postern*" -type f; nginx -t 2>&1')).not.toContain(
    '/99-postern',
  );
  await destroyAll(engine);
});

test.for([
  [
    'useradd -r -M -s /bin/sh postern-x',
    'userdel postern-x',
    'account',
    'has an account postern-x that is not',
  ],
  [
    'mkdir -m 0777 /etc/ssh/postern',
    'rmdir /etc/ssh/postern',
    'authorized-key',
    'can be changed by others than root',
  ],
  [
    'ln -s /etc/passwd /etc/ssh/sshd_config.d/00-postern-x.conf',
    'rm -f /etc/ssh/sshd_config.d/00-postern-x.conf',
    'sshd',
    'is not what Postern would put there',
  ],
  [
    'sed -i.bak "s/^ID=.*/ID=plan9/" /etc/os-release',
    'mv /etc/os-release.bak /etc/os-release',
    'packages',
    'does not know this system',
  ],
] as const)('blocked: %s', async ([change, cleanup, resource, sentence]) => {
  const keep = 'mkdir -p /run/keep; cp -p /etc/passwd* /etc/shadow* /etc/group* /etc/gshadow* /run/keep;';
  const real = 'p=$(readlink -f /etc/os-release);';
  await owner(
    keep + real + change.replaceAll('/etc/os-release', '"$p"'),
    `${real}${cleanup.replaceAll('/etc/os-release', '"$p"').replace('"$p".bak', '/usr/lib/os-release.bak')}; cp -p /run/keep/* /etc`,
  );
  expect(saidOf(await plan(), resource)).toContain(sentence);
  await isRefused();
});
