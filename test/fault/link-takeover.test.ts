import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type TestLink, enter, startTestLink, visit } from '../support/link-home.ts';
import { quickestMs } from '../support/quickest.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

/** New before old: who holds a slot's name when a connection is frozen, and when the old one is told to go. */

/** From the newcomer's start to the first visitor on it; nothing but the takeover would end the other's hold within 15 s. */
const TAKEOVER_WITHIN_MS = 1000;

let lab: Lab;
let home: TestLink | undefined;

beforeAll(async () => {
  lab = await startLab({ connections: 1 });
});
afterEach(async () => {
  await lab.faults.freezeSessions(false);
  await home?.stop();
});
afterAll(() => lab.stop());

async function begin(options: Parameters<typeof startTestLink>[1] = {}): Promise<TestLink> {
  home = await startTestLink(lab, { connections: 1, heartbeatMs: 500, ...options });
  await home.allUp();
  return home;
}

const isDown = (one: TestLink): boolean => one.events.some(({ kind }) => kind === 'down');
const ended = async (one: TestLink, index: number): Promise<string> => {
  await one.started[index]?.child.ended;
  return 'ended';
};
const soon = (ms: number): Promise<string> =>
  new Promise((resolve) => setTimeout(() => resolve('alive'), ms));

/** @returns from the start of the newcomer's ssh until a visitor has been answered through it, milliseconds */
async function takeoverMs(one: TestLink): Promise<number> {
  const startedMs = await waitFor('a newcomer is on its way', 5000, () => one.started[1]?.atMs);
  const silent = one.events.findIndex(({ kind }) => kind === 'down');
  expect(one.events[silent]).toMatchObject({ code: 'SSH_SILENT' });
  await waitFor('a visitor gets through', 12_000, () =>
    visit(lab, 200).then(
      (end) => end === '1.2',
      () => false,
    ),
  );
  return performance.now() - startedMs;
}

test('a frozen client at home: the newcomer has the name in less than a second, then the old session ends', async () => {
  let one: TestLink | undefined;
  const tookMs = await quickestMs(TAKEOVER_WITHIN_MS, async () => {
    await one?.stop();
    one = await begin();
    expect(await visit(lab, 1000)).toBe('1.1');
    one.ssh(1).kill('SIGSTOP');
    return takeoverMs(one);
  });
  expect(tookMs).toBeLessThan(TAKEOVER_WITHIN_MS);
  const taken = one as unknown as TestLink;
  expect(await Promise.race([ended(taken, 0), soon(4000)])).toBe('ended');
  await waitFor('its home end is closed', 1000, () => taken.openEnds.size === 1);
  expect(taken.link.status()).toMatchObject([{ state: 'up', restarts: 1 }]);
});

test('frozen sessions on the relay: taken over in less than a second, and visitors on the old one are let go', async () => {
  const tookMs = await quickestMs(TAKEOVER_WITHIN_MS, async () => {
    await lab.faults.freezeSessions(false);
    await home?.stop();
    const one = await begin();
    const { socket } = await enter(lab, 1000);
    await lab.faults.freezeSessions(true);
    const ms = await takeoverMs(one);
    await waitFor('the old visitor is let go', 5000, () => socket.destroyed);
    return ms;
  });
  expect(tookMs).toBeLessThan(TAKEOVER_WITHIN_MS);
});

test('the old session is told to go only after a request has passed through the newcomer', async () => {
  let mayProbe = false;
  const one = await begin({
    sendProbe: async (signal) => {
      if (mayProbe) await visit(lab, 1000, signal);
    },
  });
  const { socket } = await enter(lab, 1000);
  await lab.faults.cutFlows();
  await waitFor(
    'the newcomer is up',
    5000,
    () => one.link.status()[0]?.restarts === 1 && one.events.at(-1)?.kind !== 'down',
  );
  await one.allUp();
  expect(await Promise.race([ended(one, 0), soon(1500)])).toBe('alive');
  expect(socket.destroyed).toBe(false);
  mayProbe = true;
  await waitFor('the old session is gone from the relay', 5000, () => socket.destroyed);
  expect(await Promise.race([ended(one, 0), soon(3000)])).toBe('ended');
});

test('a connection that was only slow keeps its visitors beside the newcomer', async () => {
  const one = await begin();
  const { socket } = await enter(lab, 1000);
  one.ssh(1).kill('SIGSTOP');
  await waitFor('a newcomer is on its way', 3000, () => one.started.length === 2);
  one.started[0]?.child.kill('SIGCONT');
  await waitFor('the newcomer has the name', 3000, () =>
    visit(lab, 200).then(
      (end) => end === '1.2',
      () => false,
    ),
  );
  expect(await Promise.race([ended(one, 0), soon(1500)])).toBe('alive');
  const echoed = new Promise((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
  socket.write('still here');
  expect(await echoed).toBe('still here');
  socket.destroy();
});

test('one attempt at a time: a relay that answers nobody sees one connection, not a heap', async () => {
  const one = await begin();
  await lab.faults.freezeSessions(true);
  await waitFor('the silence is noticed', 3000, () => isDown(one));
  for (let times = 0; times < 20; times++) one.link.probeNow('once more');
  const log = await lab.sshdLog();
  await waitFor('the newcomer is up', 3000, () => one.link.status()[0]?.state === 'up');
  expect(one.started.length).toBe(2);
  expect(log.length).toBeGreaterThan(0);
});

test('stop leaves no ssh and no home end, also in the middle of a takeover', async () => {
  const one = await begin();
  one.ssh(1).kill('SIGSTOP');
  await waitFor('a newcomer is on its way', 3000, () => one.started.length === 2);
  await one.stop();
  home = undefined;
  expect(one.openEnds.size).toBe(0);
  for (const { child } of one.started) expect(() => process.kill(child.pid as number, 0)).toThrow('ESRCH');
});

test('a link that is held starts no ssh, and goes on when it is released', async () => {
  const one = await begin();
  const release = one.link.hold();
  one.ssh(1).kill('SIGKILL');
  await waitFor('it is lost', 2000, () => one.link.status()[0]?.state === 'waiting');
  one.link.probeNow('whatever comes');
  expect(await soon(500)).toBe('alive');
  expect(one.started.length).toBe(1);
  release();
  await one.allUp();
});

test('a session without a heartbeat ends itself on the relay after 15 to 20 s, one with a heartbeat does not', async () => {
  const one = await begin();
  const mute = lab.spawn('home', 'ssh', [...lab.sshArgs(), '-l', lab.account, lab.relay.host, 'link 2']);
  await new Promise((resolve) => mute.stdout.once('data', resolve));
  const saidHelloMs = performance.now();
  await mute.ended;
  const livedMs = performance.now() - saidHelloMs;
  expect(livedMs).toBeGreaterThan(14_000);
  expect(livedMs).toBeLessThan(22_000);
  expect(one.started.length).toBe(1);
  expect(one.link.status()).toMatchObject([{ state: 'up' }]);
});
