import { access, readFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { runProcess } from '../../src/platform/processes.ts';
import { type Lab, type LabOptions, startLab } from '../support/relay.ts';

const labs: Lab[] = [];
async function lab(options?: LabOptions): Promise<Lab> {
  const made = await startLab(options);
  labs.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(labs.splice(0).map((made) => made.stop()));
});

const answers = async (made: Lab): Promise<boolean> =>
  (await made.run('home', 'ssh-keyscan', ['-T', '1', '-t', 'ed25519', made.relay.host], { timeoutMs: 3000 }))
    .stdout !== '';

test('a lab leaves the machine as it was: accounts, interfaces, folders, processes', async () => {
  const machine = async (): Promise<string[]> => [
    await readFile('/etc/passwd', 'utf8'),
    (await runProcess('sh', ['-c', 'ls -la --time-style=full-iso /etc/ssh /etc/nginx /run /var/lib'])).stdout,
  ];
  const before = await machine();
  const made = await lab();
  expect(await readFile(made.relayPath('/etc/passwd'), 'utf8')).toContain('postern-x');
  expect((await made.run('relay', 'ss', ['-Hltn'])).stdout).toContain(':443');
  await made.stop();
  await made.stop();
  expect(await machine()).toEqual(before);
  const device = `pl${made.address.home.split('.')[2]}h`;
  expect((await runProcess('ip', ['link', 'show', device])).status).not.toBe(0);
  await expect(access(made.folder)).rejects.toThrow('ENOENT');
});

test('labs run side by side, also with home and visitor in namespaces', async () => {
  const [one, two] = await Promise.all([lab({ home: 'one' }), lab({ home: 'two', isolated: true })]);
  expect(await Promise.all([answers(one), answers(two)])).toEqual([true, true]);
  const service = `require('node:http').createServer((q, s) => s.end('straight')).listen(9000, '${two.address.home}')`;
  two.spawn('home', process.execPath, ['-e', service]);
  const connect = async (): Promise<string> =>
    (await two.run('client', 'curl', ['-sm', '2', `http://${two.address.home}:9000/`])).stdout;
  await expect.poll(connect, { timeout: 5000 }).toBe('straight');
});

test('a black hole swallows one wire and gives it back', async () => {
  const made = await lab();
  await made.faults.blackhole(true);
  expect(await answers(made)).toBe(false);
  const visitor = await made.run('client', 'curl', [
    '-s',
    '-m',
    '2',
    `http://${made.address.relayForClient}/`,
  ]);
  expect(visitor.status, 'the visitor still reaches nginx, which closes').toBe(52);
  await made.faults.blackhole(false);
  expect(await answers(made)).toBe(true);
});

test('link down, sshd restart, address change and a reboot: the relay answers afterwards', async () => {
  const made = await lab();
  await made.faults.linkDown(true);
  expect(await answers(made)).toBe(false);
  await made.faults.linkDown(false);
  await expect.poll(() => answers(made), { timeout: 5000 }).toBe(true);
  await made.faults.restartSshd();
  expect(await answers(made)).toBe(true);
  const next = await made.faults.changeHomeAddress();
  expect(await answers(made)).toBe(true);
  expect((await runProcess('ip', ['-o', 'addr', 'show', 'to', next])).stdout).toContain(next);
  await made.faults.rebootRelay(200);
  expect(await answers(made)).toBe(true);
});

test('cut flows stay dead in silence while new connections pass', async () => {
  const made = await lab();
  const session = made.spawn('home', 'ssh', [
    ...made.sshArgs(),
    `${made.account}@${made.relay.host}`,
    'link 1',
  ]);
  let heard = '';
  session.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  await expect.poll(() => heard, { timeout: 5000 }).toContain('slot 1');
  session.stdin.write('h one\n');
  await expect.poll(() => heard, { timeout: 5000 }).toContain('h one');
  await made.faults.cutFlows();
  session.stdin.write('h two\n');
  expect(await answers(made)).toBe(true);
  expect(heard).not.toContain('h two');
});
