import { access, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeManager } from '../../../test/support/fake-manager.ts';
import { PLAIN_SERVICE } from '../../../test/support/service-input.ts';
import type { World } from '../contract.ts';
import { HomeService, managerPlan } from './home-service.ts';
import { fragilePaths, secretVariables, serviceInputOf } from './home-service-input.ts';
import { findOldTunnels, removeOldTunnel } from './home-service-leftover.ts';
import type { ManagerPlan } from './home-service-manager.ts';
import { homeServiceResource } from './home-service-resource.ts';

let fake: FakeManager;
beforeEach(async () => {
  fake = await FakeManager.make();
});
afterEach(() => fake.remove());

const service = (platform: NodeJS.Platform, change: Partial<typeof PLAIN_SERVICE> = {}): HomeService =>
  new HomeService({
    platform,
    input: { ...PLAIN_SERVICE, root: fake.folder, ...change },
    userHome: fake.userHome,
    uid: 501,
    env: fake.env,
  });

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

describe('launchd', () => {
  const agent = (): string => join(fake.userHome, 'Library/LaunchAgents/postern.plist');

  test('install boots the agent, a second one does nothing, uninstall takes it out', async () => {
    const mac = service('darwin');
    expect(await mac.install()).toBe(true);
    expect(await fake.changes()).toEqual([
      'launchctl bootout gui/501/postern',
      'launchctl enable gui/501/postern',
      `launchctl bootstrap gui/501 ${agent()}`,
    ]);
    expect(await mac.look()).toMatchObject({ isCurrent: true, manager: { isRunning: true, pid: 612 } });
    expect(await mac.install()).toBe(false);
    expect(await mac.uninstall()).toBe(true);
    expect(await exists(agent())).toBe(false);
    expect(await mac.uninstall()).toBe(false);
  });

  test('bootstrap fails while the old agent is still leaving, and is tried again', async () => {
    await service('darwin').install();
    const other = service('darwin', { node: '/opt/homebrew/bin/node' });
    expect(await other.look()).toMatchObject({ isCurrent: false });
    await fake.forgetRecord();
    expect(await other.install()).toBe(true);
    expect((await fake.changes()).filter((line) => line.includes('bootstrap'))).toHaveLength(2);
    expect(await readFile(agent(), 'utf8')).toContain('/opt/homebrew/bin/node');
  });

  test('restart kicks the running agent, stop boots it out', async () => {
    const mac = service('darwin');
    await mac.install();
    await fake.forgetRecord();
    await mac.restart();
    await mac.stop();
    await mac.start();
    const lines = await fake.changes();
    expect(lines).toContain('launchctl kickstart -k gui/501/postern');
    expect(lines).toContain('launchctl bootout gui/501/postern');
  });

  test('an agent of that name from another file is foreign', async () => {
    await writeFile(join(fake.folder, 'state/loaded'), '/Library/LaunchAgents/postern.plist\n');
    await expect(service('darwin').install()).rejects.toMatchObject({ code: 'SERVICE_FILE_FOREIGN' });
    expect(await exists(agent())).toBe(false);
  });
});

describe('an ssh tunnel of an earlier set-up', () => {
  const label = 'com.openclaw.ssh-tunnel';
  const file = (): string => join(fake.userHome, 'Library/LaunchAgents', `${label}.plist`);

  test('is found, and removed only when asked, with a copy kept', async () => {
    expect(await findOldTunnels(fake.userHome)).toEqual([]);
    await mkdir(dirname(file()), { recursive: true });
    await writeFile(file(), '<plist>old</plist>');
    await writeFile(join(dirname(file()), 'com.openclaw.other.plist'), 'theirs');
    await service('darwin').install();
    await service('darwin').uninstall();
    const found = await findOldTunnels(fake.userHome);
    expect(found).toEqual([{ label, file: file() }]);
    const keepIn = join(fake.folder, 'kept');
    await fake.forgetRecord();
    const copy = await removeOldTunnel(found[0] ?? { label, file: '' }, { keepIn, uid: 501, env: fake.env });
    expect(await fake.changes()).toEqual([`launchctl bootout gui/501/${label}`]);
    expect(await readFile(copy, 'utf8')).toBe('<plist>old</plist>');
    expect(await readdir(dirname(file()))).toEqual(['com.openclaw.other.plist']);
  });
});

describe('the Task Scheduler, as data', () => {
  const plan = (): ManagerPlan =>
    managerPlan({ platform: 'win32', input: PLAIN_SERVICE, userHome: '', uid: 0, env: {} });
  const read = (stdout: string, status = 0): unknown =>
    plan().read({ status, signal: null, stdout, stderr: '' });

  test('its commands', () => {
    const lines = Object.entries(plan())
      .filter(([, steps]) => Array.isArray(steps))
      .map(([name, steps]) => [name, (steps as ManagerPlan['start']).map(({ args }) => args.join(' '))]);
    expect(Object.fromEntries(lines)).toEqual({
      enable: [
        '/End /TN postern',
        '/Create /TN postern /XML /home/ada/.postern/service-task.xml /F',
        '/Run /TN postern',
      ],
      disable: ['/End /TN postern', '/Delete /TN postern /F'],
      forget: [],
      start: ['/Change /TN postern /ENABLE', '/Run /TN postern'],
      stop: ['/Change /TN postern /DISABLE', '/End /TN postern'],
      restart: ['/Change /TN postern /ENABLE', '/End /TN postern', '/Run /TN postern'],
    });
  });

  test('its answers', () => {
    const mark = 'Made by Postern. Taken away by: postern service uninstall';
    expect(read('absent\r\n')).toMatchObject({ isLoaded: false });
    expect(read(`4\r\n267009\r\n${mark}\r\n`)).toEqual({
      isLoaded: true,
      isRunning: true,
      startsByItself: true,
      lastExit: 267_009,
    });
    expect(read(`1\r\n0\r\n${mark}\r\n`)).toMatchObject({ isRunning: false, startsByItself: false });
    expect(read('3\r\n0\r\nsomebody else’s\r\n')).toMatchObject({ foreignFile: expect.any(String) });
    expect(read('', 1)).toBeUndefined();
    expect(read('Get-ScheduledTask : not recognized')).toBeUndefined();
  });
});

test('another system is refused in one sentence', () => {
  expect(() => service('freebsd')).toThrowError(expect.objectContaining({ code: 'SERVICE_UNSUPPORTED' }));
});

describe('as a resource', () => {
  const world = {} as World;

  test('put what is wanted, look, put back what was found', async () => {
    const resource = homeServiceResource(service('linux'));
    const found = await resource.observe(world);
    expect(found).toMatchObject({ state: resource.absent, ownership: 'absent' });
    await resource.put(world, { state: resource.desired, from: found.state });
    expect(await resource.observe(world)).toMatchObject({ state: resource.desired, ownership: 'ours' });
    expect(resource.describe(resource.absent, resource.desired)).toHaveLength(3);
    await resource.put(world, { state: found.state, from: resource.desired });
    expect(await resource.observe(world)).toMatchObject({ state: resource.absent });
  });

  test('an older file comes back as it was', async () => {
    await service('linux').install();
    const newer = homeServiceResource(service('linux', { node: '/opt/node' }));
    const older = await newer.observe(world);
    expect(newer.describe(older.state, newer.desired).join('\n')).toContain('/opt/node');
    await newer.put(world, { state: newer.desired, from: older.state });
    await newer.put(world, { state: older.state, from: newer.desired });
    expect((await newer.observe(world)).state).toEqual(older.state);
  });

  test('a foreign file is an obstacle that nobody can adopt away', async () => {
    const linux = service('linux');
    await mkdir(dirname(linux.plan.file), { recursive: true });
    await writeFile(linux.plan.file, 'theirs');
    const resource = homeServiceResource(linux);
    expect(await resource.observe(world)).toMatchObject({
      ownership: 'foreign',
      obstacles: [{ canAdopt: false }],
    });
    await expect(
      resource.put(world, { state: resource.desired, from: resource.absent }),
    ).rejects.toMatchObject({ code: 'SERVICE_FILE_FOREIGN' });
    expect(await readFile(linux.plan.file, 'utf8')).toBe('theirs');
  });
});

test.each([
  ['/opt/homebrew/Cellar/node@24/24.1.0/bin/node', '/opt/homebrew/opt/node@24/bin/node'],
  ['/home/ada/.nvm/versions/node/v24.1.0/bin/node', 'nvm'],
  ['/Users/ada/.local/share/fnm/node-versions/v24.1.0/installation/bin/node', 'fnm'],
  ['/home/ada/.volta/tools/image/node/24.1.0/bin/node', 'volta'],
])('Node in %s is pointed out: %s', (node, words) => {
  expect(fragilePaths(node, '/usr/lib/node_modules/postern/bin/postern.js').join()).toContain(words);
});

test.each(['/usr/bin/node', '/opt/homebrew/bin/node', '/usr/local/bin/node'])(
  'Node in %s is fine',
  (node) => {
    expect(fragilePaths(node, '/usr/lib/node_modules/postern/bin/postern.js')).toEqual([]);
  },
);

test('Postern out of the cache of npx is pointed out', () => {
  expect(
    fragilePaths('/usr/bin/node', '/home/ada/.npm/_npx/1/node_modules/postern/bin/postern.js'),
  ).toHaveLength(1);
});

test('variables that a service would not see', () => {
  expect(secretVariables('token: env:CF_TOKEN\nother: "env:B" # env:CF_TOKEN\nfile: file:/env:')).toEqual([
    'CF_TOKEN',
    'B',
  ]);
});

test('what the service is given: its own folder first in PATH, no colon in it, the home where it is not the usual one', () => {
  const facts = { platform: 'linux', program: '/p', usualRoot: '/u', account: 'ada' } as const;
  const usual = serviceInputOf({ ...facts, node: '/n/bin/node', root: '/u' });
  expect(usual.environment['PATH']).toMatch(/^\/n\/bin:.*\/usr\/bin/);
  expect(usual.environment['POSTERN_HOME']).toBeUndefined();
  const other = serviceInputOf({ ...facts, node: '/n:m/node', root: '/r', configFile: '/c.yaml' });
  expect(other.environment).toMatchObject({ POSTERN_HOME: '/r', PATH: expect.not.stringContaining('/n:m') });
  expect(other.arguments).toEqual(['up', '--config', '/c.yaml']);
});
