import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { PosternError } from '../core/errors/index.ts';
import { silentLog } from '../core/log.ts';
import { GUARD_INTERVAL_MS, Guard, type GuardFinding } from './guard.ts';
import { HealthTracker } from './health/tracker.ts';

const NAME = 'chat.example.com';
const shut = (code: 'GATEWAY_TRUSTS_STRANGERS' | 'GATEWAY_STARTING', retry = false): GuardFinding => ({
  kind: 'shut',
  error: new PosternError(code, { service: NAME }),
  retry,
});

function make(first: GuardFinding | Error) {
  const clock = new FakeClock();
  const health = new HealthTracker(clock);
  const states: string[] = [];
  const finding: { next: GuardFinding | Error; looks: number } = { next: first, looks: 0 };
  const guard = new Guard({
    services: [NAME],
    check: async () => {
      finding.looks++;
      if (finding.next instanceof Error) throw finding.next;
      return finding.next;
    },
    setState: (name, state) => states.push(`${name} ${state.open ? 'open' : 'shut'}`),
    health,
    clock,
    log: silentLog,
  });
  return { clock, health, guard, states, finding };
}

test('a service is shut until a look has said that it may be open', async () => {
  const { guard, states } = make({ kind: 'open' });
  expect(states).toEqual([`${NAME} shut`]);
  expect(guard.state(NAME)).toMatchObject({ open: false });
  await guard.start();
  expect(states).toEqual([`${NAME} shut`, `${NAME} open`]);
  expect(guard.state('other.example.com')).toEqual({ open: true });
});

test('it is looked at every 10 minutes, and shut as soon as it takes strangers for the owner', async () => {
  const { guard, states, finding, clock, health } = make({ kind: 'open' });
  await guard.start();
  finding.next = shut('GATEWAY_TRUSTS_STRANGERS');
  await clock.advanceAsync(GUARD_INTERVAL_MS, 1000);
  expect(states.at(-1)).toBe(`${NAME} shut`);
  expect(health.incidents()).toMatchObject([{ code: 'GATEWAY_TRUSTS_STRANGERS', subject: NAME }]);
  finding.next = { kind: 'open' };
  await clock.advanceAsync(15_000, 1000);
  expect(states.at(-1)).toBe(`${NAME} open`);
  expect(health.incidents()).toEqual([]);
});

test('an error of the look shuts it, and it looks again soon', async () => {
  const { guard, states, finding, clock } = make(new Error('broken'));
  await guard.start();
  expect(states.at(-1)).toBe(`${NAME} shut`);
  finding.next = new PosternError('EDGE_SERVICE_DOWN', { service: NAME, target: 'x' });
  await clock.advanceAsync(2000);
  expect(guard.state(NAME)).toMatchObject({
    open: false,
    reason: expect.stringContaining('does not answer'),
  });
  finding.next = shut('GATEWAY_STARTING', true);
  await clock.advanceAsync(2000);
  finding.next = { kind: 'open' };
  await clock.advanceAsync(2000);
  expect(guard.state(NAME)).toEqual({ open: true });
});

test('a stopped guard looks no more and opens nothing', async () => {
  const { guard, states, finding, clock } = make(shut('GATEWAY_STARTING', true));
  await guard.start();
  guard.stop();
  finding.next = { kind: 'open' };
  await clock.advanceAsync(60_000, 1000);
  expect(finding.looks).toBe(1);
  expect(states.at(-1)).toBe(`${NAME} shut`);
});
