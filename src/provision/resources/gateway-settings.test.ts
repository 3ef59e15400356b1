import { chmod, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { makeTestFolder } from '../../../test/support/temporary-folder.ts';
import type { Observed, Resource, World } from '../contract.ts';
import { gatewaySettings } from './gateway-settings.ts';
import { findOpenClaw, readAgent, readUnit } from './gateway-settings-program.ts';
import { desiredSettings, NO_SETTINGS, type SettingsState } from './gateway-settings-values.ts';
import { describeChange } from './gateway-settings-words.ts';

const ORIGIN = 'https://chat.example.com';
const DESIRED = desiredSettings({ origins: [ORIGIN] });
/** Home resources need nothing of it. */
const WORLD = {} as World;

let folder: string;
let file: string;

beforeEach(async () => {
  folder = makeTestFolder('gs-');
  file = join(folder, '.openclaw/openclaw.json');
  await mkdir(dirname(file));
});

const resource = (env: NodeJS.ProcessEnv = {}, origins = [ORIGIN]): Resource =>
  gatewaySettings({
    wanted: { origins },
    env: { PATH: '/nonexistent', ...env },
    userHome: folder,
    keepIn: join(folder, 'kept'),
    lanAddresses: ['192.168.1.5'],
  });

const write = (text: string, mode = 0o600): Promise<void> => writeFile(file, text, { mode });
const read = (): Promise<string> => readFile(file, 'utf8');
const observe = (one = resource()): Promise<Observed> => one.observe(WORLD);

/** From what is there to `state`; by default to what is wanted. */
async function put(state: SettingsState = DESIRED, one = resource()): Promise<Observed> {
  const { state: from } = await one.observe(WORLD);
  await one.put(WORLD, { state, from });
  return one.observe(WORLD);
}

/** A program that stands for OpenClaw's: it tells its settings file and refuses what it is told to refuse. */
async function fakeProgram(path: string, refuses = 'nothing'): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const script = `#!/bin/sh
case "$*" in
  *"${refuses}"*) echo "it says no" >&2; exit 1 ;;
  *"config file"*) printf '{"path":"%s"}\\n' "\${OPENCLAW_CONFIG_PATH:-${file}}" ;;
esac
`;
  await writeFile(path, script);
  await chmod(path, 0o755);
}

const COMMENTED = `{
  // of Ada
  gateway: { bind: 'lan', trustedProxies: ['10.0.0.7'], }, // both
}
`;

describe('put and put back', () => {
  test('what is wanted is there, and a second look finds nothing to do', async () => {
    await write(COMMENTED, 0o640);
    expect(await put()).toMatchObject({ state: DESIRED, ownership: 'ours' });
    expect(await read()).toContain(`trustedProxies: ['10.0.0.7', '127.0.0.1', '::1']`);
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    const before = await read();
    await put();
    expect(await read()).toBe(before);
  });

  test('put back, the file is as it was, byte for byte, and the copy is gone', async () => {
    await write(COMMENTED);
    const { state } = await observe();
    await put();
    expect(await put(state as SettingsState)).toMatchObject({ ownership: 'foreign' });
    expect(await read()).toBe(COMMENTED);
    expect(await readdir(join(folder, 'kept'))).toEqual([]);
  });

  test('put back after others have edited the file: their edits stay, ours go', async () => {
    await write(COMMENTED);
    const { state } = await observe();
    await put();
    await write((await read()).replace('// of Ada', '// of Ada and Bob').replace("'10.0.0.7'", "'10.0.0.8'"));
    await put(state as SettingsState);
    expect(await read()).toBe(
      COMMENTED.replace('// of Ada', '// of Ada and Bob').replace("'10.0.0.7'", "'10.0.0.8'"),
    );
  });

  test('groups that were made for ours go with them', async () => {
    await write('{\n  agents: {},\n}\n');
    const { state } = await observe();
    await put();
    await write(`${await read()}// later\n`);
    await put(state as SettingsState);
    expect(await read()).toBe('{\n  agents: {},\n}\n// later\n');
  });

  test('ended between the copy and the write, the next run starts from the same copy', async () => {
    await write(COMMENTED);
    const { state } = await observe();
    await put();
    const [kept = ''] = await readdir(join(folder, 'kept'));
    const path = join(folder, 'kept', kept);
    await writeFile(path, (await readFile(path, 'utf8')).replace(/"after":"[^"]*"/, '"after":""'));
    expect(await put()).toMatchObject({ state: DESIRED, ownership: 'ours' });
    await put(state as SettingsState);
    expect(await read()).toBe(COMMENTED);
  });

  test('the copy can be read by nobody else, and no secret is part of the state', async () => {
    await write("{gateway: {auth: {token: 'canary-token'}}}");
    const observed = await put();
    expect(JSON.stringify([observed, resource().describe(NO_SETTINGS, observed.state)])).not.toContain(
      'canary',
    );
    const [kept = ''] = await readdir(join(folder, 'kept'));
    expect((await stat(join(folder, 'kept', kept))).mode & 0o777).toBe(0o600);
  });

  test('a second name is added, the first keeps its pairing links', async () => {
    await write('{}');
    await put();
    const two = resource({}, [ORIGIN, 'https://two.example.com']);
    const observed = await put(two.desired as SettingsState, two);
    expect(observed.state).toMatchObject({
      allowedOrigins: [ORIGIN, 'https://two.example.com'],
      publicUrl: ORIGIN,
    });
  });

  test('the origin of a name that is published no more goes; one of others stays', async () => {
    await write(`{gateway: {controlUi: {allowedOrigins: ['https://theirs.example']}}}`);
    const { state } = await observe();
    const two = resource({}, [ORIGIN, 'https://two.example.com']);
    await put(two.desired as SettingsState, two);
    expect((await observe()).state).not.toEqual(DESIRED);
    expect(await put()).toMatchObject({ state: DESIRED, ownership: 'ours' });
    expect(await read()).toContain(`['https://theirs.example', '${ORIGIN}']`);
    await put(state as SettingsState);
    expect(await read()).toBe(`{gateway: {controlUi: {allowedOrigins: ['https://theirs.example']}}}`);
  });

  test('names in another order are no change', async () => {
    await write('{}');
    const [one, two] = ['https://a.example.com', 'https://b.example.com'];
    const before = resource({}, [two, one]);
    await put(before.desired as SettingsState, before);
    const after = resource({}, [one, two]);
    expect((await observe(after)).state).toMatchObject({ allowedOrigins: [one, two], publicUrl: two });
    expect(await put(before.desired as SettingsState, after)).toMatchObject({ state: before.desired });
  });

  test('what a removal puts back is what was found, also when only the copy knows it', async () => {
    await write('{gateway: {bind: "loopback"}}');
    const { state } = await observe();
    await put();
    const later = resource();
    expect(later.original?.(await later.observe(WORLD))).toEqual(state);
    expect(state).toMatchObject({ bind: 'loopback', allowedOrigins: [] });
  });
});

describe('whose settings they are', () => {
  test.each([
    ['nothing is set', '{}', 'absent'],
    ['half is there, and nothing says otherwise', '{gateway:{bind:"loopback"}}', 'absent'],
    ['it listens elsewhere', '{gateway:{bind:"lan"}}', 'foreign'],
    [
      'pairing links lead elsewhere',
      '{plugins:{entries:{"device-pair":{config:{publicUrl:"https://other.example"}}}}}',
      'foreign',
    ],
  ])('%s', async (_name, text, ownership) => {
    await write(text);
    expect(await observe()).toMatchObject({ ownership });
  });

  test('as wanted already, and not by us: used, not owned', async () => {
    await write('{}');
    await put();
    await rm(join(folder, 'kept'), { recursive: true });
    expect(await observe()).toMatchObject({ state: DESIRED, ownership: 'foreign' });
  });
});

describe('what cannot be changed is said with the lines to type', () => {
  const sentences = async (env: NodeJS.ProcessEnv = {}): Promise<string> =>
    JSON.stringify((await observe(resource(env))).obstacles);

  test('no gateway here', async () => {
    expect(await sentences()).toContain('openclaw config set gateway.bind');
    await expect(put()).rejects.toMatchObject({ code: 'GATEWAY_SETTINGS_UNEDITABLE' });
  });

  test('a gateway in a container', async () => {
    const docker = join(folder, 'bin/docker');
    await mkdir(dirname(docker));
    await writeFile(docker, `#!/bin/sh\nprintf 'db\\tpostgres\\nclaw\\tghcr.io/openclaw/openclaw:1\\n'\n`);
    await chmod(docker, 0o755);
    const found = await sentences({ PATH: `${dirname(docker)}:/usr/bin:/bin` });
    expect(found).toContain('docker exec claw openclaw config set gateway.bind');
    expect(found).not.toContain('docker exec db');
  });

  test.each([
    ['not JSON5', '{gateway:', 'not valid JSON5'],
    ['settings of another file', '{gateway: {$include: "./gateway.json5"}}', '$include'],
    ['a group that is none', '{gateway: {controlUi: true}}', 'gateway.controlUi is no group'],
    ['a list that is none', '{gateway: {trustedProxies: "10.0.0.1"}}', 'no list of texts'],
    ['a bind that is no text', '{gateway: {bind: 1}}', 'gateway.bind is no text'],
  ])('%s', async (_name, text, words) => {
    await write(text);
    expect(await sentences()).toContain(words);
    expect(await read()).toBe(text);
  });

  test('a link in the place of the file', async () => {
    await symlink(join(folder, 'elsewhere'), file);
    await writeFile(join(folder, 'elsewhere'), '{}');
    expect(await sentences()).toContain('link');
    expect(await readFile(join(folder, 'elsewhere'), 'utf8')).toBe('{}');
  });
});

describe('the gateway’s own program', () => {
  test('is found in PATH; what it does not take is taken back', async () => {
    const program = join(folder, 'bin/openclaw');
    await fakeProgram(program, 'config validate');
    await write(COMMENTED);
    const env = { PATH: `${dirname(program)}:/usr/bin:/bin` };
    await expect(put(DESIRED, resource(env))).rejects.toMatchObject({
      code: 'GATEWAY_SETTINGS_REFUSED',
      details: { reason: 'it says no' },
    });
    expect(await read()).toBe(COMMENTED);
    expect(await readdir(join(folder, 'kept'))).toEqual([]);
  });

  test('one that says it has done it and has not', async () => {
    const program = join(folder, 'bin/openclaw');
    await fakeProgram(program);
    await write('{"gateway": {}}');
    const env = { PATH: `${dirname(program)}:/usr/bin:/bin` };
    await expect(put(DESIRED, resource(env))).rejects.toMatchObject({ code: 'GATEWAY_SETTINGS_REFUSED' });
  });

  test('is found in the service, with the service’s variables', async () => {
    const program = join(folder, 'my apps/openclaw/bin');
    await fakeProgram(program);
    const units = join(folder, '.config/systemd/user');
    await mkdir(units, { recursive: true });
    const other = join(folder, 'other.json');
    await writeFile(
      join(units, 'openclaw-gateway.service'),
      `[Service]\nEnvironment="OPENCLAW_CONFIG_PATH=${other}"\nEnvironment=SECRET=x\nExecStart="${program}" gateway --port 18789\n`,
    );
    const found = await findOpenClaw({ env: { PATH: '/usr/bin:/bin' }, userHome: folder });
    expect(found).toMatchObject({
      program,
      args: [],
      source: 'the service openclaw-gateway.service',
      configFile: other,
    });
  });

  test('is found in nvm, the newest Node first', async () => {
    for (const version of ['v9.1.0', 'v24.2.0', 'v22.0.0']) {
      await fakeProgram(join(folder, '.nvm/versions/node', version, 'bin/openclaw'));
    }
    const found = await findOpenClaw({ env: { PATH: '/usr/bin:/bin' }, userHome: folder });
    expect(found).toMatchObject({ source: 'nvm (v24.2.0)', configFile: file });
    expect(found?.env['PATH']).toMatch(/v24\.2\.0\/bin:\/usr\/bin/);
  });

  test('command lines of services are read as their managers read them', () => {
    expect(
      readUnit(
        `ExecStart=/usr/bin/node "/a b/openclaw 100%%/dist/index.js" gateway\nEnvironment=OPENCLAW_A=1 "OPENCLAW_B=x y" C=2`,
      ),
    ).toEqual({
      words: ['/usr/bin/node', '/a b/openclaw 100%/dist/index.js', 'gateway'],
      variables: { OPENCLAW_A: '1', OPENCLAW_B: 'x y' },
    });
    expect(
      readAgent(
        '<key>ProgramArguments</key>\n<array><string>/n</string><string>/a &amp;amp; b/openclaw</string><string>gateway</string></array><key>EnvironmentVariables</key> <dict><key>OPENCLAW_STATE_DIR</key><string>/s</string></dict>',
      ),
    ).toEqual({ words: ['/n', '/a &amp; b/openclaw', 'gateway'], variables: { OPENCLAW_STATE_DIR: '/s' } });
  });
});

test.each([
  ['lan', 'at 192.168.1.5 lose that way in; they use https://chat.example.com'],
  ['tailnet', 'Devices of the tailnet'],
  ['auto', 'container'],
  ['custom', 'Whoever uses the gateway'],
])('who loses the way in when %s becomes loopback', (bind, words) => {
  const lines = describeChange({ ...NO_SETTINGS, bind }, DESIRED, ['192.168.1.5']).join('\n');
  expect(lines).toContain(`gateway.bind: ${bind} -> loopback`);
  expect(lines).toContain(words);
  expect(describeChange(NO_SETTINGS, DESIRED, []).join('\n')).not.toContain('way in');
});
