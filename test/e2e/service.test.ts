import { access, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunResult, runProcess } from '../../src/platform/processes.ts';
import { systemdUnit } from '../../src/provision/render/service-systemd.ts';
import { FakeManager } from '../support/fake-manager.ts';
import { PosternHome } from '../support/postern-home.ts';
import { PLAIN_SERVICE } from '../support/service-input.ts';

/** `postern service` as typed, against programs that stand for systemd; and what systemd itself says of the unit. */

let fake: FakeManager;
let home: PosternHome;

beforeEach(async () => {
  [fake, home] = await Promise.all([FakeManager.make(), PosternHome.make()]);
  await home.configure({
    home: 'mac',
    relay: { host: '203.0.113.5' },
    dns: { provider: 'cloudflare', token: 'env:CLOUDFLARE_TOKEN' },
    services: [{ name: 'chat.example.com', to: 'http://127.0.0.1:18789' }],
  });
});
afterEach(() => Promise.all([fake.remove(), home.remove()]));

/** The usual folder, so that the unit has its plain name. */
const postern = async (...args: string[]): Promise<RunResult> => {
  const root = join(fake.userHome, '.postern');
  await mkdir(root, { recursive: true, mode: 0o700 });
  await writeFile(join(root, 'postern.yaml'), await readFile(join(home.root, 'postern.yaml')), {
    mode: 0o600,
  });
  const secret = 'canary-of-a-token';
  return home.run(['service', ...args], { ...fake.env, POSTERN_HOME: root, CLOUDFLARE_TOKEN: secret });
};

const unitFile = (): string => join(fake.userHome, '.config/systemd/user/postern.service');
const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
const systemctl = (...lines: string[]): string[] => lines.map((line) => `systemctl --user ${line}`);

describe('on systemd', () => {
  test('install writes the unit, enables and starts it, and says what is to know', async () => {
    const { status, stderr } = await postern('install');
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(await fake.changes()).toEqual(
      systemctl('daemon-reload', 'enable postern.service', 'restart postern.service'),
    );
    const unit = await readFile(unitFile(), 'utf8');
    expect(unit).toContain('Restart=always');
    expect(unit).toContain('LimitNOFILE=8192');
    expect(stderr).toContain('loginctl enable-linger');
    expect(stderr).toContain('env:CLOUDFLARE_TOKEN');
    expect(unit + stderr).not.toContain('canary-of-a-token');
  });

  test('a second install does nothing', async () => {
    await postern('install');
    await fake.forgetRecord();
    expect((await postern('install')).stderr).toContain('running already');
    expect(await fake.changes()).toEqual([]);
  });

  test('uninstall takes away what install made, and a second one finds nothing', async () => {
    await postern('install');
    await fake.forgetRecord();
    expect((await postern('uninstall')).status).toBe(0);
    expect(await fake.changes()).toEqual(
      systemctl('disable --now postern.service', 'daemon-reload', 'reset-failed postern.service'),
    );
    expect(await exists(unitFile())).toBe(false);
    expect(JSON.parse((await postern('uninstall', '--json')).stdout)).toMatchObject({ removed: false });
  });

  test.each(['install', 'uninstall', 'start', 'stop', 'restart', 'status'])(
    'a unit that somebody else wrote: %s is refused and changes nothing',
    async (verb) => {
      await mkdir(join(unitFile(), '..'), { recursive: true });
      await writeFile(unitFile(), '[Service]\nExecStart=/bin/true\n');
      const { status, stdout } = await postern(verb, '--json');
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'SERVICE_FILE_FOREIGN' } });
      expect(status).toBe(1);
      expect(await fake.changes()).toEqual([]);
      expect(await readFile(unitFile(), 'utf8')).toBe('[Service]\nExecStart=/bin/true\n');
    },
  );

  test('a unit of the same name in another folder is refused', async () => {
    await fake.defineElsewhere('/etc/systemd/user/postern.service');
    const { stdout } = await postern('install', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'SERVICE_FILE_FOREIGN', what: expect.stringContaining('/etc/systemd/user') },
    });
    expect(await exists(unitFile())).toBe(false);
  });

  test('a link in the place of the unit is not followed', async () => {
    await mkdir(join(unitFile(), '..'), { recursive: true });
    await symlink(join(home.root, 'postern.yaml'), unitFile());
    const before = await readFile(join(home.root, 'postern.yaml'), 'utf8');
    expect(JSON.parse((await postern('install', '--json')).stdout)).toMatchObject({
      error: { code: 'SERVICE_FILE_FOREIGN' },
    });
    expect(await readFile(join(home.root, 'postern.yaml'), 'utf8')).toBe(before);
  });

  test.each(['daemon-reload', 'enable', 'restart'])(
    'a manager that refuses at %s leaves nothing behind',
    async (verb) => {
      await fake.failAt(verb);
      const { status, stdout } = await postern('install', '--json');
      expect(JSON.parse(stdout)).toMatchObject({
        error: { code: 'SERVICE_COMMAND_FAILED', what: expect.stringContaining(`does not want to ${verb}`) },
      });
      expect(status).toBe(1);
      expect(await exists(unitFile())).toBe(false);
    },
  );

  test('when a newer unit is refused, the older one is there again', async () => {
    await postern('install');
    const older = `${await readFile(unitFile(), 'utf8')}# older\n`;
    await writeFile(unitFile(), older);
    await fake.failAt('enable');
    expect((await postern('install')).status).toBe(1);
    expect(await readFile(unitFile(), 'utf8')).toBe(older);
    await fake.mend();
    expect((await postern('install')).status).toBe(0);
    expect(await readFile(unitFile(), 'utf8')).not.toContain('# older');
  });

  test('a manager that cannot be asked is one sentence, and nothing is written', async () => {
    await fake.failAt('show');
    const { status, stderr } = await postern('install');
    expect(status).toBe(1);
    expect(stderr).toContain('[SERVICE_UNSUPPORTED]');
    expect(stderr).toContain('it does not want to show');
    expect(await exists(unitFile())).toBe(false);
  });

  test('a configuration that does not load is not installed', async () => {
    await home.configure('home: mac\n');
    expect((await postern('install')).status).toBe(64);
    expect(await exists(unitFile())).toBe(false);
  });

  test('start, stop and restart; without an install they say what to do', async () => {
    expect((await postern('start')).stderr).toContain('postern service install');
    await postern('install');
    await fake.forgetRecord();
    for (const verb of ['stop', 'start', 'restart']) expect((await postern(verb)).status).toBe(0);
    expect(await fake.changes()).toEqual(
      systemctl('stop postern.service', 'start postern.service', 'restart postern.service'),
    );
  });

  test('status: what the manager says, sleep and reboot', async () => {
    expect((await postern('status')).status).toBe(1);
    await postern('install');
    const { status, stdout } = await postern('status', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      manager: 'systemd',
      isInstalled: true,
      isCurrent: true,
      isRunning: true,
      startsByItself: true,
      pid: 4711,
      sleep: { onMains: { kind: 'never' } },
      reboot: { needsLogin: 'yes' },
    });
    expect((await postern('status')).stdout).toMatch(/running \(process 4711\)[^]*enable-linger/);
  });

  test('logs are those of the unit', async () => {
    expect((await postern('logs', '-n', '7')).stdout).toContain('hello');
    expect(await fake.all()).toContainEqual(
      expect.stringMatching(/^journalctl --user --user-unit postern\.service .* -n 7$/),
    );
  });
});

describe('systemd itself', () => {
  test.each([
    ['plain paths', 'node', 'root'],
    ['blanks, &, <, %, $ and others', 'no de & 50%h <$HOME> ${x};#', `ro"ot's \\ 100%n $x`],
  ])('finds nothing wrong with the unit: %s', async (_name, nodeFolder, rootFolder) => {
    const [bin, root] = [join(fake.folder, nodeFolder), join(fake.folder, rootFolder)];
    await Promise.all([mkdir(bin), mkdir(root)]);
    await symlink(process.execPath, join(bin, 'node'));
    const file = join(fake.folder, 'postern.service');
    await writeFile(
      file,
      systemdUnit({ ...PLAIN_SERVICE, node: join(bin, 'node'), root, environment: { POSTERN_HOME: root } }),
    );
    const verify = await runProcess('systemd-analyze', ['verify', '--user', file], {
      env: { ...process.env, HOME: fake.userHome, XDG_RUNTIME_DIR: fake.folder },
    });
    expect(verify.stderr.split('\n').filter((line) => line.includes('postern'))).toEqual([]);
    expect(verify.status).toBe(0);
  });

  test('finds the fault of a unit that has one', async () => {
    const file = join(fake.folder, 'postern.service');
    await writeFile(file, systemdUnit(PLAIN_SERVICE).replace('Restart=always', 'Restart=allways'));
    const { stderr } = await runProcess('systemd-analyze', ['verify', '--user', file], {
      env: { ...process.env, HOME: fake.userHome, XDG_RUNTIME_DIR: fake.folder },
    });
    expect(stderr).toContain('allways');
  });
});
