import { access, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { accountOf } from '../../src/core/relay-layout.ts';
import { type RunResult, runProcess, spawnProcess } from '../../src/platform/processes.ts';
import { relayFiles } from '../../src/provision/render/relay-files.ts';
import type { RelayInput } from '../../src/provision/render/relay-input.ts';
import { setupScript, takeBackScript } from '../../src/provision/render/setup-commands.ts';
import { ordinaryAccountKeyLine } from '../../src/provision/render/sshd.ts';
import { clientHello } from '../support/client-hello.ts';
import { type Lab, type LabOptions, startLab } from '../support/relay.ts';
import { openSession } from '../support/relay-session.ts';
import { waitFor } from '../support/wait-for.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';

/** setup.sh and take-back.sh of `postern relay-files`, on a real relay. */
const labs: Lab[] = [];
const lab = async (options?: LabOptions): Promise<Lab> => {
  const made = await startLab(options);
  labs.push(made);
  return made;
};
afterEach(async () => {
  await Promise.all(labs.splice(0).map((made) => made.stop()));
});

const onRelay = (made: Lab, script: string): Promise<RunResult> => made.run('relay', 'sh', ['-c', script]);
/** Everything of ours on the relay, with owner, mode and content. */
const state = async (made: Lab): Promise<string> =>
  (
    await onRelay(
      made,
      `find /etc /usr/local /var/lib /run -name '*postern*' -not -name postern-lab | sort | xargs -r stat -c '%A %U:%G %n'
       find /etc /usr/local -path '*postern*' -type f | sort | xargs -r cksum; getent passwd; getent group; nginx -T; sshd -T`,
    )
  ).stdout;
const setUp = (made: Lab): Promise<RunResult> => made.run('relay', 'sh', [join(made.folder, 'setup.sh')]);
const takeBack = (made: Lab): Promise<RunResult> =>
  made.run('relay', 'sh', [join(made.folder, 'take-back.sh')]);

/** Adds another home to a lab's relay, as its owner would. */
async function addHome(made: Lab, input: RelayInput): Promise<{ setup: string; takeBack: string }> {
  const folder = join(made.folder, input.home);
  const files = relayFiles(input);
  for (const file of files) {
    const path = join(folder, 'files', file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.content);
  }
  await writeFile(join(folder, 'setup.sh'), setupScript(input, files));
  await writeFile(join(folder, 'take-back.sh'), takeBackScript(input, files));
  return { setup: join(folder, 'setup.sh'), takeBack: join(folder, 'take-back.sh') };
}

test('set-up may run again and changes nothing; the way back leaves nothing; and forth again', async () => {
  const made = await lab({ home: 'gone', siteNames: ['dev.example.test'], names: ['chat.example.test'] });
  const first = await state(made);
  expect(first).toContain('postern-gone');
  expect(await setUp(made)).toMatchObject({ status: 0 });
  expect(await state(made)).toBe(first);
  expect(await takeBack(made)).toMatchObject({ status: 0 });
  expect(await state(made)).not.toContain('postern');
  expect((await made.run('relay', 'ss', ['-Hltn'])).stdout).toContain(':22');
  expect(await takeBack(made), 'a second time').toMatchObject({ status: 0 });
  expect(await setUp(made)).toMatchObject({ status: 0 });
  expect((await state(made)).replaceAll(/:\d+:\d+:/g, ':')).toBe(first.replaceAll(/:\d+:\d+:/g, ':'));
});

test('the way back ends live sessions of the account', async () => {
  const made = await lab();
  const session = await openSession(made, { slot: 1, localPort: 1 });
  expect(await takeBack(made)).toMatchObject({ status: 0 });
  await session.child.ended;
  expect((await onRelay(made, 'getent passwd postern-x')).stdout).toBe('');
});

test('a file that is not ours is not replaced, and nothing else was touched before it was seen', async () => {
  const made = await lab();
  await takeBack(made);
  const path = '/etc/nginx/conf.d/00-postern-x.conf';
  await onRelay(made, `echo '# of the owner' >${path}`);
  const before = await state(made);
  const { status, stderr } = await setUp(made);
  expect(stderr).toContain(`${path} is there and is not Postern's`);
  expect(status).toBe(1);
  expect(await readFile(made.relayPath(path), 'utf8')).toBe('# of the owner\n');
  expect(await state(made)).toBe(before);
});

test('port 443 that belongs to a web site or to another program is seen before anything is written', async () => {
  const made = await lab();
  await takeBack(made);
  await onRelay(made, `echo 'server { listen [::]:443; server_name blog; }' >/etc/nginx/sites-enabled/blog`);
  const before = await state(made);
  const refused = await setUp(made);
  expect(refused.stderr).toContain('a web site in /etc/nginx/sites-enabled/blog listens on port 443');
  expect(refused.status).toBe(1);
  await onRelay(made, 'rm /etc/nginx/sites-enabled/blog; nginx -s reload');
  const listeners = async (): Promise<string> =>
    (await made.run('relay', 'ss', ['-Hltn', 'sport = :443'])).stdout;
  await waitFor('nginx has left the port', 10_000, async () => (await listeners()) === '');
  // A program that every relay has: the checkout's own may lie below /tmp, which the relay does not see.
  made.spawn('relay', '/usr/sbin/sshd', ['-D', '-p', '443', '-o', 'PidFile=none']);
  await waitFor('the other program listens', 10_000, async () => (await listeners()).includes(':443'));
  expect((await setUp(made)).stderr).toContain('port 443 belongs to another program');
  expect((await state(made)).length).toBeLessThanOrEqual(before.length);
  expect(await state(made)).not.toContain('postern-x');
});

test.for([
  ['nginx', "echo 'nonsense on;' >/etc/nginx/conf.d/broken.conf"],
  ['sshd', "echo 'Match all\n AllowTcpForwarding no' >/etc/ssh/sshd_config.d/00-a.conf"],
  ['sshd', "sed -i '/^Include/d' /etc/ssh/sshd_config"],
] as const)('what %s does not accept is taken back: %s', async ([who, breakIt]) => {
  const made = await lab();
  await takeBack(made);
  await onRelay(made, breakIt);
  const { status, stderr } = await setUp(made);
  expect(stderr).toContain(`${who} does not accept the files`);
  expect(status).toBe(1);
  const left = await onRelay(made, "find /etc -name '*postern*' -type f; sshd -T | grep postern");
  expect(left.stdout).toBe('');
  expect((await onRelay(made, 'sshd -t')).status).toBe(0);
});

test('what `postern relay-files --out` writes is what the relay runs on', async () => {
  const made = await lab({ home: 'cli' });
  await takeBack(made);
  const home = join(made.folder, 'home');
  await mkdir(join(home, 'ssh'), { recursive: true });
  for (const end of ['', '.pub']) {
    await copyFile(join(made.folder, `key${end}`), join(home, `ssh/id_ed25519${end}`));
  }
  const config =
    'home: cli\nrelay: { host: r.test }\nservices: [{ name: chat.example.test, to: "http://127.0.0.1:1" }]\n';
  await writeFile(join(home, 'postern.yaml'), config, { mode: 0o600 });
  const out = join(made.folder, 'out');
  const program = join(import.meta.dirname, '../../bin/postern.js');
  const written = await runProcess(process.execPath, [program, 'relay-files', '--out', out], {
    env: { ...process.env, POSTERN_HOME: home },
  });
  expect(written.status).toBe(0);
  expect(await made.run('relay', 'sh', [join(out, 'setup.sh')])).toMatchObject({ status: 0 });
  const session = await openSession(made, { slot: 1, localPort: 1 });
  expect(session.heard()).toContain('postern 1 slot 1');
  expect(await made.run('relay', 'sh', [join(out, 'take-back.sh')])).toMatchObject({ status: 0 });
  expect(await state(made)).not.toContain('postern');
});

test('the key line for an ordinary account: its ports and nothing else', async () => {
  const made = await lab();
  await onRelay(made, 'useradd -m -s /bin/sh bob; mkdir -p /home/bob/.ssh');
  const line = ordinaryAccountKeyLine(made.input, [20_001, 20_002]);
  await writeFile(made.relayPath('/home/bob/.ssh/authorized_keys'), `${line}\n`);
  await onRelay(made, 'chown -R bob: /home/bob/.ssh; chmod -R go= /home/bob/.ssh');
  const ssh = (...args: string[]): Promise<RunResult> =>
    made.run('home', 'ssh', [...made.sshArgs(), '-o', 'ExitOnForwardFailure=yes', ...args], {
      timeoutMs: 10_000,
    });
  const bob = `bob@${made.relay.host}`;
  for (const port of [20_001, 20_002]) {
    const allowed = await ssh('-R', `127.0.0.1:${port}:127.0.0.1:1`, bob, `ss -Hltn 'sport = :${port}'`);
    expect(allowed.stdout).toContain(`127.0.0.1:${port}`);
  }
  for (const listen of ['127.0.0.1:20003', '0.0.0.0:20001', '127.0.0.1:0', '1080']) {
    const refused = await ssh('-N', '-R', listen === '1080' ? listen : `${listen}:127.0.0.1:1`, bob);
    expect(refused.stderr).toContain('remote port forwarding failed');
  }
  expect((await ssh('-W', '127.0.0.1:22', bob)).stderr).toContain('administratively prohibited');
  expect((await ssh('-tt', bob, 'true')).stderr).toContain('PTY allocation request failed');
});

test('two homes share one relay: each gets its own name, and one may go without the other noticing', async () => {
  const made = await lab({ home: 'one', names: ['one.example.test'] });
  const two = await addHome(made, { ...made.input, home: 'two-b', homeNames: ['two.example.test'] });
  expect(await made.run('relay', 'sh', [two.setup])).toMatchObject({ status: 0 });
  const homes = await Promise.all(
    ['one', 'two-b'].map(async (home) => {
      const server = createServer((socket) => socket.once('data', () => socket.end(home))).listen(
        0,
        '127.0.0.1',
      );
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      const asHome = { ...made, home, account: accountOf(home) };
      return { server, session: await openSession(asHome, { slot: 1, localPort: port }) };
    }),
  );
  const ask = async (name: string): Promise<string> => {
    const file = join(made.folder, 'hello');
    await writeFile(file, await clientHello(name));
    const script = `exec 3<>/dev/tcp/${made.address.relayForClient}/443; cat "$1" >&3; timeout 3 cat <&3`;
    return (await made.run('client', 'bash', ['-c', script, 'bash', file])).stdout;
  };
  expect([await ask('one.example.test'), await ask('two.example.test')]).toEqual(['one', 'two-b']);
  expect(await made.run('relay', 'sh', [two.takeBack])).toMatchObject({ status: 0 });
  expect([await ask('one.example.test'), await ask('two.example.test')]).toEqual(['one', '']);
  homes[0]?.session.say('h alive');
  await waitFor('the other home lives', 3000, () => homes[0]?.session.heard().includes('h alive'));
  for (const { server } of homes) server.close();
});

test('a relay that hides processes from each other (hidepid=2) still takes over', async () => {
  const made = await lab();
  await onRelay(made, 'mount -o remount,hidepid=2 /proc');
  const older = await openSession(made, { slot: 1, localPort: 1 });
  const newcomer = await openSession(made, { slot: 1, localPort: 1 });
  newcomer.say('take');
  await waitFor('took', 3000, () => newcomer.heard().includes('took'));
  expect(await older.child.ended).toMatchObject({ status: 255 });
  newcomer.say('h alive');
  await waitFor('it lives', 3000, () => newcomer.heard().includes('h alive'));
});

test('a test that is killed -9 leaves no relay behind', async () => {
  const folder = makeTestFolder('postern-killed-');
  const script = join(folder, 'hold.ts');
  const relay = join(import.meta.dirname, '../support/relay.ts');
  await writeFile(
    script,
    `const { startLab } = await import(${JSON.stringify(relay)});
     const lab = await startLab();
     console.log(JSON.stringify({ folder: lab.folder, root: lab.relayPath(''), device: 'pl' + lab.address.home.split('.')[2] + 'h' }));
     setInterval(() => {}, 1000);`,
  );
  const child = spawnProcess(process.execPath, [script]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitFor('the lab is up', 10_000, () => said.includes('\n'));
  const left = JSON.parse(said) as { folder: string; root: string; device: string };
  await access(join(left.root, 'etc/ssh/postern/postern-x'));
  child.kill('SIGKILL');
  await child.ended;
  const isGone = (path: string): Promise<boolean> =>
    access(path).then(
      () => false,
      () => true,
    );
  await waitFor('its processes, wires and folder are gone', 10_000, async () =>
    (
      await Promise.all([isGone(left.root), isGone(left.folder), isGone(`/sys/class/net/${left.device}`)])
    ).every(Boolean),
  );
  await rm(folder, { recursive: true });
});
