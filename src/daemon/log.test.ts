import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { SecretReference } from '../config/secrets.ts';
import { PosternError } from '../core/errors/index.ts';
import { Secret } from '../core/secret.ts';
import { openDaemonLog } from './log.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let folder = '';
beforeEach(async () => {
  folder = makeTestFolder('postern-log-');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const written = async (): Promise<Record<string, unknown>[]> =>
  (await readFile(join(folder, 'daemon.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('a line has level, time, process and message', async () => {
  const log = openDaemonLog(folder, new FakeClock(1000));
  log.child({ slot: 1 }).info({ roundTripMs: 20 }, 'up');
  log.debug({}, 'not asked for');
  log.close();
  expect(await written()).toEqual([
    { level: 'info', time: 1000, pid: process.pid, slot: 1, roundTripMs: 20, message: 'up' },
  ]);
});

test('a secret is in no line, wherever somebody puts it', async () => {
  const canary = 'c4n4ry-of-this-test';
  const log = openDaemonLog(folder, new FakeClock());
  const secret = new Secret(canary);
  const reference = new SecretReference(canary);
  log.info(
    { secret, reference, list: [secret], deep: { a: { b: { c: { d: { e: { f: canary } } } } } } },
    'x',
  );
  log.info(
    { Authorization: `Bearer ${canary}`, cookie: canary, nested: { password: canary, headers: [canary] } },
    'y',
  );
  log.child({ token: canary }).info({ bytes: Buffer.from(canary) }, `z ${secret}`);
  log.error({ error: new PosternError('INTERNAL', { reason: 'r' }, { token: canary }) }, 'e');
  log.close();
  const text = await readFile(join(folder, 'daemon.jsonl'), 'utf8');
  expect(text).not.toContain(canary);
  expect(text).not.toContain(Buffer.from(canary).toString('base64'));
  expect((await written()).length).toBe(4);
});

test('an error keeps its code and its cause', async () => {
  const log = openDaemonLog(folder, new FakeClock());
  log.error({ error: new PosternError('DAEMON_NOT_RUNNING', {}, new Error('beneath')) }, 'x');
  expect((await written())[0]).toMatchObject({
    error: { code: 'DAEMON_NOT_RUNNING', cause: { message: 'beneath' } },
  });
  log.close();
});
