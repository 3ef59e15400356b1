import { expect, test } from 'vitest';
import { identifyProcess, isSameProcess, runProcess, spawnProcess } from './processes.ts';

test('arguments reach the program as they are: nothing is read by a shell', async () => {
  const odd = ['$(id)', '`id`', 'a b', '"; exit 3', 'line\nline'];
  const { stdout, status } = await runProcess(process.execPath, [
    '-p',
    'JSON.stringify(process.argv.slice(1))',
    ...odd,
  ]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual(odd);
});

test('a program that is not there is a result, not an exception', async () => {
  expect(await runProcess('no-such-program-of-postern', [])).toMatchObject({
    status: null,
    startError: 'ENOENT',
  });
});

test('output over the bound is dropped', async () => {
  const { stdout } = await runProcess(process.execPath, ['-e', 'process.stdout.write("x".repeat(200000))'], {
    maxOutputBytes: 1000,
  });
  expect(stdout.length).toBe(1000);
});

test('a process is known by number and start time', async () => {
  const child = spawnProcess(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const identity = await identifyProcess(child.pid as number);
  expect(identity).toBeDefined();
  expect(await isSameProcess(identity!)).toBe(true);
  expect(await isSameProcess({ ...identity!, startedAt: '1' })).toBe(false);
  child.kill('SIGKILL');
  await child.ended;
  expect(await isSameProcess(identity!)).toBe(false);
});

test('out of file descriptors: a result, not an exception', async () => {
  const script = `
    import { openSync } from 'node:fs';
    import { spawnProcess } from ${JSON.stringify(new URL('processes.ts', import.meta.url).href)};
    try { for (;;) openSync('/dev/null'); } catch {}
    const child = spawnProcess('true', []);
    child.stdin.write('x');
    process.stdout.write(JSON.stringify(await child.ended));
  `;
  const { stdout } = await runProcess('sh', [
    '-c',
    'ulimit -n 200; exec "$0" --input-type=module -e "$1"',
    process.execPath,
    script,
  ]);
  expect(JSON.parse(stdout)).toMatchObject({ status: null, startError: 'EMFILE' });
});
