import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { ERRORS } from '../../core/errors/index.ts';
import { HEALTH, type HealthCode } from './catalogue.ts';
import { HealthTracker } from './tracker.ts';

function makeTracker(): { clock: FakeClock; health: HealthTracker; heard: string[] } {
  const clock = new FakeClock();
  const health = new HealthTracker(clock);
  const heard: string[] = [];
  health.onEvent(({ kind, incident }) => heard.push(`${kind} ${incident.code} ${incident.subject}`.trim()));
  return { clock, health, heard };
}

const down = { relay: 'vps' };

test('what mends itself before its time to visible was no incident', () => {
  const { clock, health, heard } = makeTracker();
  health.report('LINK_DOWN', '', down);
  clock.advance(9999);
  health.clear('LINK_DOWN', '');
  clock.advance(60_000);
  expect(heard).toEqual([]);
});

test('an incident is announced once, however often it is said, and keeps its beginning', () => {
  const { clock, health, heard } = makeTracker();
  const beganMs = clock.nowMs();
  for (let second = 0; second < 60; second++) {
    health.report('LINK_DOWN', '', down);
    clock.advance(1000);
  }
  expect(heard).toEqual(['started LINK_DOWN']);
  expect(health.incidents()).toMatchObject([
    { code: 'LINK_DOWN', sinceMs: beganMs, title: 'No connection to the relay vps is up' },
  ]);
});

test('flapping is one incident, over once it stays fine', () => {
  const { clock, health, heard } = makeTracker();
  health.report('LINK_DOWN', '', down);
  clock.advance(10_000);
  for (let turn = 0; turn < 20; turn++) {
    health.clear('LINK_DOWN', '');
    clock.advance(14_000);
    health.report('LINK_DOWN', '', down);
    clock.advance(1000);
  }
  expect(heard).toEqual(['started LINK_DOWN']);
  health.clear('LINK_DOWN', '');
  clock.advance(15_000);
  expect(heard).toEqual(['started LINK_DOWN', 'over LINK_DOWN']);
  expect(health.incidents()).toEqual([]);
});

test('what is broken half of the time becomes an incident too', () => {
  const { clock, health, heard } = makeTracker();
  for (let turn = 0; turn < 12; turn++) {
    health.report('LINK_DOWN', '', down);
    clock.advance(1000);
    health.clear('LINK_DOWN', '');
    clock.advance(1000);
  }
  expect(heard).toEqual(['started LINK_DOWN']);
});

test('two short faults with a quiet time between them are none', () => {
  const { clock, health, heard } = makeTracker();
  for (let turn = 0; turn < 5; turn++) {
    health.report('LINK_DOWN', '', down);
    clock.advance(9000);
    health.clear('LINK_DOWN', '');
    clock.advance(15_000);
  }
  expect(heard).toEqual([]);
});

test('a consequence is not news while its cause is broken, and becomes news when it outlives it', () => {
  const { clock, health, heard } = makeTracker();
  health.report('LINK_DOWN', '', down);
  health.report('CANARY_FAILED', 'a.example', { url: 'https://a.example', reason: 'x' });
  clock.advance(120_000);
  expect(heard).toEqual(['started LINK_DOWN']);
  health.clear('LINK_DOWN', '');
  clock.advance(15_000);
  expect(heard).toEqual(['started LINK_DOWN', 'over LINK_DOWN']);
  clock.advance(20_000);
  expect(heard.at(-1)).toBe('started CANARY_FAILED a.example');
});

test('a cause for one subject hides nothing of another', () => {
  const { clock, health, heard } = makeTracker();
  health.report('CERTIFICATE_UNREADABLE', 'a.example', { service: 'a.example', reason: 'x' });
  for (const name of ['a.example', 'b.example']) {
    health.report('CANARY_FAILED', name, { url: name, reason: 'x' });
  }
  clock.advance(30_000);
  expect(heard).toEqual(['started CERTIFICATE_UNREADABLE a.example', 'started CANARY_FAILED b.example']);
});

test('an incident that is hidden later by its cause is not listed, and is over when it is fine', () => {
  const { clock, health, heard } = makeTracker();
  health.report('CANARY_FAILED', 'a.example', { url: 'a', reason: 'x' });
  clock.advance(20_000);
  health.report('LINK_DOWN', '', down);
  clock.advance(10_000);
  expect(health.incidents().map(({ code }) => code)).toEqual(['LINK_DOWN']);
  health.clear('CANARY_FAILED', 'a.example');
  health.clear('LINK_DOWN', '');
  clock.advance(15_000);
  expect(heard.filter((line) => line.startsWith('over')).toSorted()).toEqual([
    'over CANARY_FAILED a.example',
    'over LINK_DOWN',
  ]);
});

test('clearing what was never said does nothing', () => {
  const { clock, health, heard } = makeTracker();
  health.clear('LINK_DOWN', '');
  clock.advance(60_000);
  expect(heard).toEqual([]);
});

test('every cause in the catalogue is a code of it, and no cause is its own', () => {
  for (const code of Object.keys(HEALTH) as HealthCode[]) {
    expect(ERRORS).toHaveProperty(code);
    for (const cause of HEALTH[code].dependsOn) {
      expect(HEALTH).toHaveProperty(cause);
      expect(cause).not.toBe(code);
    }
  }
});
