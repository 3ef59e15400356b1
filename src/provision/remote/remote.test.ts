import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import { runProcess } from '../../platform/processes.ts';
import { FrameReader, OUTPUT_BYTES_MOST, requestText } from './framing.ts';
import { openLocalShell } from './local-shell.ts';
import { readSections } from './parse.ts';
import { quoteForShell } from './quote.ts';
import type { RemoteScript, Shell } from './shell.ts';
import { operatorArguments } from './ssh-shell.ts';
import * as accountScripts from './scripts/account.ts';
import * as fileScripts from './scripts/files.ts';
import * as nginxScripts from './scripts/nginx.ts';
import * as packageScripts from './scripts/packages.ts';
import * as sshdScripts from './scripts/sshd.ts';
import * as switchScripts from './scripts/switch.ts';
import { makeTestFolder } from '../../../test/support/temporary-folder.ts';

const ECHO: RemoteScript = { name: 'echo', text: 'for word do printf "%s\\0" "$word"; done' };
let folder: string;
let shell: Shell;
beforeAll(async () => {
  folder = makeTestFolder('postern-remote-');
  shell = await openLocalShell(systemClock);
});
afterAll(async () => {
  await shell.close();
  await rm(folder, { recursive: true });
});

/** Words that would do something if a shell read them. */
const odd = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => text.toWellFormed().replaceAll('\0', '')),
      fc.constantFrom(
        "'",
        '"',
        '$(touch "$MARK")',
        '`touch "$MARK"`',
        '\n',
        '\\',
        ';',
        '&&',
        '|',
        '-n',
        '!',
        '*',
        "'\\''",
        '\r',
        '$1',
      ),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

test('words arrive as they are, whatever is in them, and nothing in them is executed', async () => {
  const mark = join(folder, 'executed');
  await fc.assert(
    fc.asyncProperty(fc.array(odd, { maxLength: 4 }), async (words) => {
      const filled = words.map((word) => word.replaceAll('$MARK', mark));
      const { status, stdout } = await shell.run(ECHO, filled);
      expect(status).toBe(0);
      expect(stdout).toBe(filled.map((word) => `${word}\0`).join(''));
    }),
    { numRuns: 100 },
  );
  await expect(access(mark)).rejects.toThrow('ENOENT');
});

test.for([['dash'], ['bash', '--posix'], ['busybox', 'sh']])(
  '%s reads a quoted word back',
  async (command) => {
    const word = "it's $(id) `id` \"x\" \\ \n ${HOME} 'quoted' !!";
    const [file = '', ...args] = command;
    const text = `printf %s ${quoteForShell(word)}`;
    expect((await runProcess(file, [...args, '-s'], { input: text })).stdout).toBe(word);
  },
);

test('NUL is refused, since no shell can hold it', () => {
  expect(() => quoteForShell('a\0b')).toThrow(RangeError);
});

test('status, stdout and stderr come back apart; a script can neither eat the next request nor end the shell', async () => {
  const script: RemoteScript = { name: 'x', text: 'cat; echo out; echo err >&2; PATH=; set -eu; exit 7' };
  expect(await shell.run(script)).toEqual({ status: 7, stdout: 'out\n', stderr: 'err\n' });
  expect(await Promise.all([shell.run(ECHO, ['a']), shell.run(ECHO, ['b'])])).toMatchObject([
    { stdout: 'a\0' },
    { stdout: 'b\0' },
  ]);
});

test('a large word arrives whole, and endless output is cut', async () => {
  const large = 'x'.repeat(700_000);
  expect((await shell.run(ECHO, [large])).stdout).toHaveLength(700_001);
  const endless: RemoteScript = { name: 'y', text: 'yes | head -c 9000000' };
  expect((await shell.run(endless)).stdout).toHaveLength(OUTPUT_BYTES_MOST);
});

test.for([
  ['a program that ends', 'exit 3', 'it ended'],
  ['another protocol', 'head -c 100000 /dev/zero; cat >/dev/null', 'it says too much'],
] as const)('%s instead of a shell is refused', async ([, script, reason]) => {
  await expect(openLocalShell(systemClock, ['sh', '-c', script])).rejects.toMatchObject({
    code: 'PROVISION_SHELL_LOST',
    message: expect.stringContaining(reason),
  });
});

test('a shell that dies in a request, and one that is too slow, are reported and of no more use', async () => {
  const dying = await openLocalShell(systemClock);
  const kill: RemoteScript = { name: 'x', text: 'kill -KILL $$' };
  await expect(dying.run(kill)).rejects.toMatchObject({ code: 'PROVISION_SHELL_LOST' });
  await expect(dying.run(ECHO)).rejects.toMatchObject({ code: 'PROVISION_SHELL_LOST' });
  const slow = await openLocalShell(systemClock);
  const wait: RemoteScript = { name: 'x', text: 'sleep 5' };
  await expect(slow.run(wait, [], { timeoutMs: 50 })).rejects.toMatchObject({
    message: expect.stringContaining('no answer'),
  });
  await Promise.all([dying.close(), slow.close()]);
});

/** How many frames came, or that it was refused; any other error is one of the reader. */
function outcomeOf(push: () => readonly unknown[]): number | 'refused' {
  try {
    return push().length;
  } catch (error) {
    if (error instanceof RangeError) return 'refused';
    throw error;
  }
}

test('whatever a relay sends, the reader gives frames or refuses; forged answers without the mark are refused', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (chunks) => {
      const reader = new FrameReader('mark');
      reader.push(Buffer.from('hello\nmark ready 0\n'));
      const seen = chunks.map((chunk) => outcomeOf(() => reader.push(Buffer.from(chunk))));
      expect(seen.every((one) => one === 'refused' || one === 0)).toBe(true);
    }),
  );
  for (const head of [
    'other answer 1 0 0 0',
    'mark answer 1 0 99999999 0',
    'mark answer 1 0 -1 0',
    'mark answer 1 0 0',
  ]) {
    const reader = new FrameReader('mark');
    reader.push(Buffer.from('mark ready 0\n'));
    expect(() => reader.push(Buffer.from(`${head}\n`))).toThrow(RangeError);
  }
});

test('answers in any pieces are read the same', () => {
  const answer = Buffer.from('greeting mark ready 0\nmark answer 1 3 2 1\nokemark answer 2 0 0 0\n');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
      const reader = new FrameReader('mark');
      const frames = [];
      for (let at = 0, index = 0; at < answer.length; index++) {
        const size = sizes[index % sizes.length] as number;
        frames.push(...reader.push(answer.subarray(at, at + size)));
        at += size;
      }
      expect(frames).toMatchObject([
        { kind: 'ready', userId: 0 },
        { number: 1, result: { status: 3, stdout: 'ok', stderr: 'e' } },
        { number: 2, result: { status: 0 } },
      ]);
    }),
  );
});

test('an answer that lacks a section is not believed', () => {
  expect(() => readSections('== one\nx\n', ['one', 'two'])).toThrow('has no two');
});

const SCRIPTS = [
  accountScripts,
  fileScripts,
  nginxScripts,
  packageScripts,
  sshdScripts,
  switchScripts,
].flatMap((module) =>
  Object.entries(module).filter((entry): entry is [string, RemoteScript] => typeof entry[1] === 'object'),
);

test('every script of a relay is clean for shellcheck', async () => {
  expect(SCRIPTS.length).toBeGreaterThan(15);
  for (const [name, { text }] of [
    ...SCRIPTS,
    ['SWITCH_UNDO', { text: switchScripts.SWITCH_UNDO }] as const,
  ]) {
    const { status, stdout, startError } = await runProcess(
      'shellcheck',
      ['-s', 'sh', '-S', 'warning', '-e', 'SC2034,SC2154,SC3043', '-'],
      { input: text },
    );
    expect(startError).toBeUndefined();
    expect(stdout, name).toBe('');
    expect(status).toBe(0);
  }
});

test('a request is one call of the function, on words alone', () => {
  expect(requestText(3, { name: 'x', text: "a'b" }, ['c d'])).toBe(`postern_request '3' 'a'\\''b' 'c d'\n`);
});

test("the operator's ssh: nothing shared, nothing forwarded, the pinned key alone, no option out of a value", () => {
  const address = { host: '203.0.113.5', port: 22, user: 'root', knownHostsFile: '/h/known', mayAsk: false };
  const args = operatorArguments(address, 'exec sh -s');
  for (const option of [
    'ControlMaster=no',
    'ControlPath=none',
    'ClearAllForwardings=yes',
    'StrictHostKeyChecking=yes',
  ]) {
    expect(args).toContain(option);
  }
  expect(args.slice(-3)).toEqual(['--', '203.0.113.5', 'exec sh -s']);
  for (const bad of [
    { host: '-oProxyCommand=id' },
    { user: '-l' },
    { knownHostsFile: 'x' },
    { host: 'a b' },
    { sshConfigFile: 'x' },
  ]) {
    expect(() => operatorArguments({ ...address, ...bad }, 'x')).toThrow('ssh may not be given');
  }
});
