import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { silentLog } from '../core/log.ts';
import { tellAlerts } from './alerts.ts';
import { HealthTracker } from './health/tracker.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

let folder = '';
beforeEach(async () => {
  folder = makeTestFolder('postern-alerts-');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const WRITE_LINE = `require('node:fs').appendFileSync(process.argv[1], JSON.stringify([
  process.env.POSTERN_ALERT_STATE, process.env.POSTERN_ALERT_CODE, process.env.POSTERN_ALERT_TITLE,
  process.env.POSTERN_ALERT_SERVICE, process.argv.slice(2)]) + '\\n')`;

test('alerts.exec runs once when an incident starts and once when it is over, arguments as they are', async () => {
  const clock = new FakeClock();
  const health = new HealthTracker(clock);
  const out = join(folder, 'out');
  const exec = [process.execPath, '-e', WRITE_LINE, out, '$(touch x)', 'a b'];
  const stop = tellAlerts(health, { exec, env: process.env, log: silentLog });
  for (let turn = 0; turn < 60; turn++) {
    health.report('CANARY_FAILED', 'a.example', {
      url: 'https://a.example',
      reason: 'ECONNREFUSED\u001b[2J',
    });
    clock.advance(1000);
    if (turn % 3 === 0) health.clear('CANARY_FAILED', 'a.example');
  }
  health.clear('CANARY_FAILED', 'a.example');
  clock.advance(60_000);
  await stop();
  const title = 'A request of our own through https://a.example did not come back: ECONNREFUSED\\u{1b}[2J';
  const lines = (await readFile(out, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(lines).toEqual([
    ['started', 'CANARY_FAILED', title, 'a.example', ['$(touch x)', 'a b']],
    ['over', 'CANARY_FAILED', title, 'a.example', ['$(touch x)', 'a b']],
  ]);
});

test('a program that cannot be started, fails or hangs up is a line in the log and nothing more', async () => {
  const health = new HealthTracker(new FakeClock());
  const warned: unknown[] = [];
  const log = { ...silentLog, warn: (fields: object) => void warned.push(fields) };
  const stop = tellAlerts(health, { exec: [join(folder, 'no-such')], env: {}, log });
  health.report('LINK_HALTED', '', { relay: 'vps', reason: 'x', cause: 'SSH_X', fix: 'y.' });
  await stop();
  expect(warned).toMatchObject([{ why: 'ENOENT', code: 'LINK_HALTED' }]);
});

test('nothing is told after the stop', async () => {
  const health = new HealthTracker(new FakeClock());
  const ran: string[] = [];
  const run = async (program: string) => {
    ran.push(program);
    return { status: 0, signal: null, stdout: '', stderr: '' };
  };
  const stop = tellAlerts(health, { exec: ['x'], env: {}, log: silentLog, run });
  await stop();
  health.report('LINK_HALTED', '', {});
  expect(ran).toEqual([]);
});
