import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { watchNetwork } from '../../src/platform/network-watch.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type TestLink, Traffic, startTestLink } from '../support/link-home.ts';
import { quickestMs } from '../support/quickest.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

/** What a network does to a link, on real sshd and nginx, within the bounds that Postern promises. */

let lab: Lab;
let home: TestLink;
let traffic: Traffic;

beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.stop());

async function begin(options: Parameters<typeof startTestLink>[1] = {}): Promise<void> {
  home = await startTestLink(lab, options);
  await home.allUp();
  traffic = new Traffic(lab);
  await traffic.nextSuccessAfter(performance.now(), 3000);
}

async function end(): Promise<void> {
  await traffic.stop();
  await home.stop();
}

afterEach(end);

/** Cuts a new link in some way. @returns the longest time without an answer since then, milliseconds */
async function darkMs(cut: () => unknown, options: Parameters<typeof begin>[0] = {}): Promise<number> {
  await begin(options);
  const cutMs = performance.now();
  await cut();
  await waitFor('both are made anew', 8000, () => home.started.length === 4);
  await home.allUp();
  const gapMs = traffic.longestGapMs(cutMs);
  await end();
  return gapMs;
}

test('kill -9 of one ssh fails none of 20 requests a second', async () => {
  await begin();
  home.ssh(1).kill('SIGKILL');
  await waitFor('slot 1 is made anew', 5000, () => home.started.length === 3);
  await home.allUp();
  await traffic.nextSuccessAfter(performance.now(), 1000);
  expect(traffic.failed).toBe(0);
  expect(home.events).toContainEqual(expect.objectContaining({ kind: 'down', slot: 1, code: 'SSH_ENDED' }));
});

test('kill -9 of every ssh at home: the way is back within a second', async () => {
  const kill = (): void => [1, 2].forEach((slot) => void home.ssh(slot).kill('SIGKILL'));
  expect(await quickestMs(1000, () => darkMs(kill))).toBeLessThan(1000);
});

test('kill -9 of every session on the relay: the way is back within a second', async () => {
  expect(await quickestMs(1000, () => darkMs(() => lab.faults.killSessions()))).toBeLessThan(1000);
});

test.each([3000, 9000])('a black hole of %i ms is over within 2 s of its end', async (holeMs) => {
  await begin();
  await lab.faults.blackhole(true);
  await waitFor('the link has noticed', 5000, () =>
    home.link.status().every(({ state }) => state === 'suspect'),
  );
  await new Promise((resolve) => setTimeout(resolve, holeMs - 2500));
  expect(home.started.length, 'no ssh is started into a black hole').toBe(2);
  await lab.faults.blackhole(false);
  expect(await traffic.nextSuccessAfter(performance.now(), 10_000)).toBeLessThan(2000);
  await home.allUp();
});

test('lost NAT state, without any event, is over within 4 s', async () => {
  await begin();
  const cutMs = performance.now();
  await lab.faults.cutFlows();
  await waitFor('both are made anew', 8000, () => home.started.length === 4);
  await home.allUp();
  expect(traffic.longestGapMs(cutMs)).toBeLessThan(4000);
  expect(home.events).toContainEqual(expect.objectContaining({ kind: 'down', code: 'SSH_SILENT' }));
});

test('an address change is seen by its event, and over within 1.5 s', async () => {
  // Without the event the heartbeat of 5 s would need more than that to notice.
  const options = {
    heartbeatMs: 5000,
    tools: { watchNetwork: (onChange: () => void) => watchNetwork(systemClock, onChange) },
  };
  const measure = (): Promise<number> => darkMs(() => lab.faults.changeHomeAddress(), options);
  expect(await quickestMs(1500, measure)).toBeLessThan(1500);
});

test('a relay that reboots is back within 2 s after its servers listen', async () => {
  const measure = async (): Promise<number> => {
    await begin();
    await lab.faults.rebootRelay(2500);
    const backMs = await traffic.nextSuccessAfter(performance.now(), 10_000);
    await home.allUp();
    await end();
    return backMs;
  };
  expect(await quickestMs(2000, measure)).toBeLessThan(2000);
});

test('after a sleep the late timer makes the link look at once, long before a heartbeat would', async () => {
  const measure = async (): Promise<number> => {
    let sleptMs = 0;
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + sleptMs };
    await begin({ heartbeatMs: 20_000, clock });
    await lab.faults.cutFlows();
    const wokeMs = performance.now();
    sleptMs = 60_000;
    await waitFor('both are made anew', 8000, () => home.started.length === 4);
    await home.allUp();
    const gapMs = traffic.longestGapMs(wokeMs);
    await end();
    return gapMs;
  };
  expect(await quickestMs(1500, measure)).toBeLessThan(1500);
});
