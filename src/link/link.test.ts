import { describe, expect, test } from 'vitest';
import { type FakeLink, bringUp, startFakeLink } from '../../test/support/link-fake-ssh.ts';

const REFUSED = 'postern-x@203.0.113.5: Permission denied (publickey).';
const CLOSED_EARLY = 'Connection closed by 203.0.113.5 port 22';
const UNREACHABLE = 'ssh: connect to host 203.0.113.5 port 22: Network is unreachable';

const states = (fake: FakeLink): string[] => fake.link.status().map(({ state }) => state);
const kinds = (fake: FakeLink): string[] =>
  fake.events.filter(({ kind }) => kind !== 'round-trip').map(({ kind }) => kind);

describe('coming up', () => {
  test('one slot finds out, the others follow when it is up', async () => {
    const fake = await startFakeLink({ connections: 3 });
    expect(fake.started.map(({ slot }) => slot)).toEqual([1]);
    expect(states(fake)).toEqual(['connecting', 'waiting', 'waiting']);
    fake.ssh(1).hello();
    await fake.settle();
    expect(fake.started.map(({ slot }) => slot)).toEqual([1, 2, 3]);
    await fake.link.ready;
    await fake.link.stop();
  });

  test('up means: hello and a heartbeat that came back', async () => {
    const fake = await startFakeLink({ connections: 1 });
    fake.ssh(1).isAnswering = false;
    fake.ssh(1).hello();
    await fake.settle();
    fake.ssh(1).say('h 1-1.77');
    fake.ssh(1).say('h');
    await fake.settle();
    expect(states(fake)).toEqual(['connecting']);
    fake.ssh(1).say(fake.ssh(1).heard[0] ?? '');
    await fake.settle();
    expect(states(fake)).toEqual(['up']);
    expect(fake.link.status()[0]).toMatchObject({ roundTripMs: 0, restarts: 0, lastError: undefined });
    await fake.link.stop();
  });

  test('stop ends every ssh, also one that does not hear SIGTERM, and closes every home end', async () => {
    const fake = await startFakeLink();
    await bringUp(fake);
    fake.ssh(2).isStopped = true;
    const stopped = fake.link.stop();
    await fake.pass(1000);
    await stopped;
    expect(fake.ssh(1).signals).toEqual(['SIGTERM']);
    expect(fake.ssh(2).signals).toEqual(['SIGTERM', 'SIGKILL']);
    expect(fake.open.size).toBe(0);
    expect(states(fake)).toEqual(['stopped', 'stopped']);
    await fake.pass(120_000, 5000);
    expect(fake.started.length).toBe(2);
  });
});

test('a link that is stopped before it was ever up says so to whoever waits', async () => {
  const fake = await startFakeLink();
  const stopped = fake.link.stop();
  await expect(fake.link.ready).rejects.toMatchObject({ code: 'SSH_ENDED' });
  await stopped;
});

describe('what the relay says is not believed', () => {
  test.each([
    ['another slot', 'postern 1 slot 2 older none'],
    ['another version', 'postern 2 slot 1 older none'],
    ['a line without an end', 'x'.repeat(5000)],
  ])('%s ends the session as SSH_SESSION_PROTOCOL', async (_what, line) => {
    const fake = await startFakeLink({ connections: 1 });
    fake.ssh(1).say(line);
    await fake.settle();
    expect(fake.link.status()[0]?.lastError?.code).toBe('SSH_SESSION_PROTOCOL');
    await fake.link.stop();
  });

  test('a greeting before the hello is passed over, a flood of it is not', async () => {
    const polite = await startFakeLink({ connections: 1 });
    for (let line = 0; line < 50; line++) polite.ssh(1).say(`Welcome to this server, line ${line}`);
    polite.ssh(1).hello();
    await polite.settle();
    expect(states(polite)).toEqual(['up']);
    await polite.link.stop();

    const flood = await startFakeLink({ connections: 1 });
    for (let line = 0; line < 500; line++) flood.ssh(1).say('spam');
    await flood.settle();
    expect(flood.link.status()[0]?.lastError?.code).toBe('SSH_SESSION_PROTOCOL');
    await flood.link.stop();
  });

  test('a session that talks without being asked is ended', async () => {
    const fake = await startFakeLink({ connections: 1 });
    await bringUp(fake);
    const ssh = fake.ssh(1);
    for (let line = 0; line < 900; line++) ssh.say('h 1-1.1');
    await fake.pass(1000);
    for (let line = 0; line < 900; line++) ssh.say('took');
    await fake.settle();
    expect(ssh.hasEnded, 'below the limit').toBe(false);
    for (let line = 0; line < 200; line++) ssh.say('took');
    await fake.settle();
    expect(fake.link.status()[0]?.lastError?.code).toBe('SSH_SESSION_PROTOCOL');
    await fake.link.stop();
  });

  test('no hello: the session has failed after 8 s', async () => {
    const fake = await startFakeLink({ connections: 1 });
    await fake.pass(7900);
    expect(states(fake)).toEqual(['connecting']);
    await fake.pass(200);
    expect(fake.link.status()[0]?.lastError?.code).toBe('SSH_SESSION_SILENT');
    await fake.link.stop();
  });
});

describe('a refusal of key or host', () => {
  test.each([
    ['SSH_KEY_REFUSED', REFUSED],
    ['SSH_HOST_KEY_CHANGED', 'REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed.'],
    ['SSH_HOST_KEY_UNKNOWN', 'No ED25519 host key is known for x and you have requested strict checking.'],
  ])('%s: no second attempt of any slot within 60 s, whatever happens', async (code, words) => {
    const fake = await startFakeLink();
    fake.ssh(1).fail(words);
    await expect(fake.link.ready).rejects.toMatchObject({ code });
    for (let second = 0; second < 59; second++) {
      fake.networkChanged();
      fake.link.probeNow('woke up');
      await fake.pass(1000, 1000);
    }
    expect(fake.started.length).toBe(1);
    expect(kinds(fake)).toEqual(['down', 'halted']);
    await fake.pass(2000, 1000);
    expect(fake.started.length, 'a changed network is worth one attempt').toBe(2);
    await fake.pass(5000, 1000);
    expect(fake.started.length).toBe(2);
    await fake.link.stop();
  });

  test('by itself: one attempt in ten minutes, and everything is well again when it succeeds', async () => {
    const fake = await startFakeLink();
    fake.ssh(1).fail(REFUSED);
    await fake.pass(599_000, 1000);
    expect(fake.started.length).toBe(1);
    await fake.pass(2000, 1000);
    expect(fake.started.length).toBe(2);
    fake.started[1]?.hello();
    await fake.settle();
    await bringUp(fake);
    expect(states(fake)).toEqual(['up', 'up']);
    await fake.link.stop();
  });

  test('connections that are up stay up, and attempts under way are given up', async () => {
    const fake = await startFakeLink({ connections: 3 });
    fake.ssh(1).hello();
    await fake.settle();
    expect(fake.started.length).toBe(3);
    fake.ssh(2).fail(REFUSED);
    await fake.settle();
    expect(states(fake)).toEqual(['up', 'waiting', 'waiting']);
    expect(fake.ssh(3).signals).toEqual(['SIGTERM']);
    expect(fake.link.status()[2]?.lastError, 'giving up is no failure').toBeUndefined();
    await fake.pass(59_000, 1000);
    expect(fake.started.length).toBe(3);
    // That an old connection falls silent and recovers proves nothing about the key.
    const first = fake.ssh(1);
    first.isAnswering = false;
    await fake.pass(500);
    fake.networkChanged();
    await fake.pass(600);
    expect(states(fake)[0]).toBe('suspect');
    first.isAnswering = true;
    await fake.pass(3000);
    expect(states(fake)[0]).toBe('up');
    expect(fake.started.length, 'one finds out, although another is up').toBe(4);
    fake.started[3]?.hello();
    await fake.settle();
    expect(fake.started.length).toBe(6);
    await fake.link.stop();
  });
});

describe('back-off, where the relay answers', () => {
  /** Lets each attempt fail until there are so many; returns how long it took from each failure to the next attempt. */
  async function failUntil(fake: FakeLink, attempts: number): Promise<number[]> {
    const waitsMs: number[] = [];
    while (fake.started.length < attempts) {
      const count = fake.started.length;
      const failedAtMs = fake.clock.monotonicMs();
      fake.started.at(-1)?.fail(CLOSED_EARLY);
      await fake.settle();
      while (fake.started.length === count) await fake.pass(100);
      waitsMs.push((fake.started.at(-1)?.startedAtMs ?? 0) - failedAtMs);
    }
    return waitsMs;
  }

  test('at once, then doubling, to 30 s', async () => {
    const fake = await startFakeLink({ connections: 1 });
    expect(await failUntil(fake, 12)).toEqual([
      0, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
    ]);
    await fake.link.stop();
  });

  test('a connection of 29 s does not reset it, one of 30 s does', async () => {
    for (const [livedMs, waitsMs] of [
      [29_000, 1600],
      [30_500, 0],
    ] as const) {
      const fake = await startFakeLink({ connections: 1 });
      await failUntil(fake, 5);
      fake.ssh(1).hello();
      await fake.pass(livedMs, 500);
      expect(states(fake)).toEqual(['up']);
      const lostAtMs = fake.clock.monotonicMs();
      fake.ssh(1).fail('Connection to 203.0.113.5 closed by remote host.');
      await fake.pass(2000);
      expect(Math.abs((fake.started[5]?.startedAtMs ?? 0) - lostAtMs - waitsMs)).toBeLessThanOrEqual(100);
      await fake.link.stop();
    }
  });

  test('a wake or a changed network ends the wait', async () => {
    const fake = await startFakeLink({ connections: 1 });
    await failUntil(fake, 10);
    fake.ssh(1).fail(CLOSED_EARLY);
    await fake.pass(3000);
    expect(fake.started.length).toBe(10);
    fake.networkChanged();
    await fake.settle();
    expect(fake.started.length).toBe(11);
    await fake.link.stop();
  });

  test('the slots take turns while nothing is up, so that one broken slot does not keep the others down', async () => {
    const fake = await startFakeLink({ connections: 2 });
    fake.ssh(1).fail('Error: remote port forwarding failed for listen path /s/1.sock');
    await fake.settle();
    expect(fake.started.at(-1)?.slot).toBe(2);
    await fake.link.stop();
  });
});

describe('where the network is gone', () => {
  test('no ssh until a probe gets through, then at once', async () => {
    const fake = await startFakeLink();
    fake.isReachable = false;
    fake.ssh(1).fail(UNREACHABLE);
    await fake.pass(300_000, 1000);
    expect(fake.started.length).toBe(1);
    expect(fake.tries).toBeGreaterThan(900);
    fake.isReachable = true;
    await fake.pass(400);
    expect(fake.started.length).toBe(2);
    const triesThen = fake.tries;
    await fake.pass(5000);
    expect(fake.tries, 'no probe while ssh is at work').toBe(triesThen);
    await fake.link.stop();
  });

  test('the back-off of before says nothing about a network that has come back', async () => {
    const fake = await startFakeLink({ connections: 1 });
    for (let attempt = 0; attempt < 9; attempt++) {
      const count = fake.started.length;
      fake.ssh(1).fail(CLOSED_EARLY);
      while (fake.started.length === count) await fake.pass(100);
    }
    fake.isReachable = false;
    fake.ssh(1).fail(UNREACHABLE);
    await fake.pass(1000);
    const count = fake.started.length;
    fake.isReachable = true;
    await fake.pass(400);
    expect(fake.started.length).toBe(count + 1);
    await fake.link.stop();
  });

  test('a change of addresses is worth a probe at once', async () => {
    const fake = await startFakeLink({ connections: 1 });
    fake.isReachable = false;
    fake.ssh(1).fail(UNREACHABLE);
    await fake.pass(50, 50);
    fake.isReachable = true;
    fake.networkChanged();
    await fake.settle();
    expect(fake.started.length).toBe(2);
    await fake.link.stop();
  });

  test('an old connection that answers again keeps its visitors, for five minutes or until it falls silent', async () => {
    for (const fallsSilent of [true, false]) {
      const fake = await startFakeLink({ connections: 1 });
      await bringUp(fake);
      const old = fake.ssh(1);
      old.isAnswering = false;
      await fake.pass(2500);
      old.isAnswering = true;
      await fake.pass(1000);
      fake.ssh(1).hello(4711);
      await fake.pass(290_000, 500);
      expect(fake.ssh(1).heard).not.toContain('take');
      if (fallsSilent) old.isAnswering = false;
      await fake.pass(fallsSilent ? 4000 : 12_000, 500);
      expect(fake.ssh(1).heard).toContain('take');
      expect(old.hasEnded).toBe(true);
      await fake.link.stop();
    }
  });

  test('a server that takes probes and drops ssh is not hammered', async () => {
    const fake = await startFakeLink({ connections: 1 });
    for (let ms = 0; ms < 60_000; ms += 100) {
      const last = fake.started.at(-1);
      if (last && !last.hasEnded) last.fail(UNREACHABLE);
      await fake.pass(100);
    }
    expect(fake.started.length).toBeLessThan(13);
    await fake.link.stop();
  });

  test('silence: suspect, then a newcomer beside the old one, which is told to go when a request has passed', async () => {
    let pass = (): void => {};
    const passed = new Promise<void>((resolve) => {
      pass = resolve;
    });
    const fake = await startFakeLink({
      connections: 1,
      openHomeEnd: async (slot, generation) => ({
        forwards: [{ remote: { path: `/s/${slot}.sock` }, local: { path: `/h/${generation}.sock` } }],
        passed: generation === 1 ? Promise.resolve() : passed,
        close: async () => {},
      }),
    });
    await bringUp(fake);
    const old = fake.ssh(1);
    old.isAnswering = false;
    await fake.pass(2500);
    expect(states(fake)).toEqual(['suspect']);
    expect(fake.started.length).toBe(2);
    expect(old.signals).toEqual([]);
    fake.ssh(1).hello(4711);
    await fake.pass(5000);
    expect(states(fake)).toEqual(['up']);
    expect(fake.ssh(1).heard).not.toContain('take');
    expect(old.hasEnded).toBe(false);
    pass();
    await fake.pass(3000);
    expect(fake.ssh(1).heard).toContain('take');
    expect(old.signals).toEqual(['SIGTERM']);
    expect(fake.link.status()[0]?.restarts).toBe(1);
    await fake.link.stop();
  });

  test('a connection that answers again before a newcomer was started needs none', async () => {
    const fake = await startFakeLink({ connections: 1 });
    await bringUp(fake);
    fake.isReachable = false;
    fake.ssh(1).isAnswering = false;
    await fake.pass(4000);
    expect(states(fake)).toEqual(['suspect']);
    fake.ssh(1).isAnswering = true;
    await fake.pass(1000);
    expect(states(fake)).toEqual(['up']);
    fake.isReachable = true;
    await fake.pass(3000);
    expect(fake.started.length).toBe(1);
    expect(kinds(fake)).toEqual(['up', 'down', 'up']);
    await fake.link.stop();
  });

  test('a newcomer that fails may have taken the name with it: the next one follows although the old one answers', async () => {
    const fake = await startFakeLink({ connections: 1 });
    await bringUp(fake);
    const old = fake.ssh(1);
    old.isAnswering = false;
    await fake.pass(2500);
    old.isAnswering = true;
    await fake.pass(1000);
    fake.ssh(1).fail('Connection to 203.0.113.5 closed by remote host.');
    await fake.pass(300);
    expect(fake.started.length).toBe(3);
    expect(old.hasEnded).toBe(false);
    await fake.link.stop();
  });

  test('never two attempts of one slot', async () => {
    const fake = await startFakeLink({ connections: 2 });
    await bringUp(fake);
    for (const ssh of fake.started) ssh.isAnswering = false;
    await fake.pass(3000);
    for (let times = 0; times < 50; times++) {
      fake.networkChanged();
      await fake.pass(50);
    }
    const living = fake.started.filter(({ hasEnded }) => !hasEnded);
    expect(living.filter(({ slot }) => slot === 1).length).toBeLessThanOrEqual(2);
    expect(fake.started.length).toBeLessThanOrEqual(5);
    await fake.link.stop();
  });
});

describe('looking at once', () => {
  test('after a sleep a dead connection is noticed within half a second', async () => {
    const fake = await startFakeLink({ connections: 1 });
    await bringUp(fake);
    await fake.pass(3000);
    fake.ssh(1).isAnswering = false;
    fake.clock.suspend(3_600_000);
    const wokeMs = fake.clock.monotonicMs();
    while (states(fake)[0] !== 'suspect') await fake.pass(20, 20);
    expect(fake.clock.monotonicMs() - wokeMs).toBeLessThan(600);
    await fake.link.stop();
  });

  test('a login under way when the network changes gets two seconds, each further one twice as much', async () => {
    const fake = await startFakeLink({ connections: 1 });
    const lives: number[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      const ssh = fake.ssh(1);
      const startedMs = fake.clock.monotonicMs();
      while (!ssh.hasEnded) {
        fake.networkChanged();
        await fake.pass(100);
      }
      lives.push(Math.round((fake.clock.monotonicMs() - startedMs) / 1000));
      while (fake.ssh(1) === ssh) await fake.pass(100);
    }
    expect(lives).toEqual([2, 4, 8, 8]);
    await fake.link.stop();
  });
});

test('a held link starts nothing, gives up what is under way, and goes on when the last hold is released', async () => {
  const fake = await startFakeLink();
  const first = fake.link.hold();
  const second = fake.link.hold();
  await fake.settle();
  expect(fake.started[0]?.hasEnded).toBe(true);
  expect(fake.events).toEqual([]);
  expect(states(fake)).toEqual(['waiting', 'waiting']);
  fake.networkChanged();
  await fake.pass(60_000, 1000);
  expect(fake.started.length).toBe(1);
  first();
  first();
  await fake.settle();
  expect(fake.started.length).toBe(1);
  second();
  await fake.settle();
  expect(fake.started.length).toBe(2);
  await fake.link.stop();
});

test('the same trouble is reported once, a new one again', async () => {
  const fake = await startFakeLink({ connections: 1 });
  for (const words of [CLOSED_EARLY, CLOSED_EARLY, 'kra', CLOSED_EARLY]) {
    fake.ssh(1).fail(words);
    const count = fake.started.length;
    while (fake.started.length === count) await fake.pass(100);
  }
  const codes = fake.events.map((event) => ('code' in event ? event.code : event.kind));
  expect(codes).toEqual(['SSH_CLOSED_EARLY', 'SSH_UNKNOWN', 'SSH_CLOSED_EARLY']);
  await fake.link.stop();
});

test('a home end that cannot be opened is a failure with its reason, and no ssh is started', async () => {
  let isBroken = true;
  const fake = await startFakeLink({
    connections: 1,
    openHomeEnd: async () => {
      if (isBroken) throw new Error('EADDRINUSE /h/1.sock');
      return { forwards: [], passed: Promise.resolve(), close: async () => {} };
    },
  });
  expect(fake.link.status()[0]?.lastError).toMatchObject({
    code: 'LINK_HOME_END',
    text: 'EADDRINUSE /h/1.sock',
  });
  expect(fake.started.length).toBe(0);
  isBroken = false;
  await fake.pass(60_000, 1000);
  expect(fake.started.length).toBeGreaterThan(0);
  await fake.link.stop();
});
