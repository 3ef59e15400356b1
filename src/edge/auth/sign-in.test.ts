import { beforeEach, describe, expect, test } from 'vitest';
import {
  type Outcome,
  PASSWORD,
  SIGN_IN_URL,
  type TestLogin,
  TestVisitor,
  codeOn,
  headerOf,
  makeLogin,
  signIn,
} from '../../../test/support/login.ts';
import { silentLog } from '../../core/log.ts';
import { hasEverPaired } from './pairing.ts';
import { fitsPassword } from './passwords.ts';
import { AuthStore } from './store.ts';

const CHAT = 'https://chat.example.com/';
const OPEN_PAIRING = [{ name: 'chat.example.com', access: 'login', pairing: 'off' }] as const;

const statusOf = (outcome: Outcome): number => (outcome.kind === 'login' ? outcome.status : 0);
const textOf = (outcome: Outcome): string => (outcome.kind === 'login' ? outcome.text : '');
const right = { user: 'ann', password: PASSWORD };
const wrong = { user: 'ann', password: 'not the password' };

/** Lets time pass until all answers are there. */
async function settle(of: TestLogin, answers: readonly Promise<Outcome>[]): Promise<Outcome[]> {
  let settled: Outcome[] | undefined;
  void Promise.all(answers).then((outcomes) => (settled = outcomes));
  while (!settled) await of.clock.advanceAsync(1000);
  return settled;
}

let login: TestLogin;
beforeEach(async () => {
  login = await makeLogin();
});

describe('session fixation', () => {
  test('a session cookie that was there before sign-in is not taken over', async () => {
    const visitor = new TestVisitor(login);
    const planted = 'A'.repeat(43);
    await visitor.open(SIGN_IN_URL);
    visitor.jars.get('chat.example.com')?.set('__Host-gs', planted);
    await signIn(login, visitor);
    expect(visitor.cookie('chat.example.com', '__Host-gs')).not.toBe(planted);
    expect(new TestVisitor(login).decide(CHAT, { cookie: `__Host-gs=${planted}` }).kind).toBe('gate');
  });

  test('signing in again makes a new session and ends the old one', async () => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    const { cookie } = visitor.facts('GET', CHAT);
    await visitor.post(SIGN_IN_URL, right);
    expect(visitor.decide(CHAT).kind).toBe('allow');
    expect(visitor.decide(CHAT, { cookie }).kind).toBe('gate');
    expect(await login.keeper.admin.listSessions()).toHaveLength(1);
  });
});

describe('open redirect after sign-in', () => {
  test('leads to the page that was asked for first', async () => {
    const visitor = new TestVisitor(login);
    await visitor.get(`${CHAT}deep/page?a=b&c=%2F`);
    const outcome = await signIn(login, visitor);
    expect(headerOf(outcome, 'location')).toBe('https://chat.example.com/deep/page?a=b&c=%2F');
  });

  test.each([
    '//evil.example/x',
    '/\\evil.example',
    '/\t/evil.example',
    'https://evil.example/',
    '@evil.example',
  ])('never leaves the own origin: %s', async (target) => {
    const visitor = new TestVisitor(login);
    await visitor.get(CHAT, { target });
    const location = headerOf(await signIn(login, visitor), 'location') ?? '';
    expect(new URL(location).origin).toBe('https://chat.example.com');
    expect(location.startsWith('https://chat.example.com/')).toBe(true);
  });

  test('takes no address from the query or the form', async () => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    const fields = {
      ...right,
      next: 'https://evil.example',
      e: 'https://evil.example',
      to: '//evil.example',
    };
    const outcome = await visitor.post(`${SIGN_IN_URL}?next=https://evil.example&e=x`, fields);
    expect(headerOf(outcome, 'location')).toBe(CHAT);
  });
});

describe('CSRF on the forms', () => {
  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['an opaque origin', { origin: 'null' }],
    ['no origin, from a browser', { origin: undefined, secFetchSite: 'cross-site' }],
    ['no origin, with our cookies', { origin: undefined }],
  ])('sign-in refuses %s', async (_name, more) => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    expect(statusOf(await visitor.post(SIGN_IN_URL, right, more))).toBe(403);
  });

  test('sign-in refuses a browser that hides its origin, even without our cookies', async () => {
    const open = await makeLogin({ services: OPEN_PAIRING });
    const more = { origin: undefined, secFetchSite: 'cross-site' };
    expect(statusOf(await new TestVisitor(open).post(SIGN_IN_URL, right, more))).toBe(403);
  });

  test.each(['https://evil.example', 'null', undefined])('sign-out refuses origin %s', async (origin) => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    const outcome = await visitor.post(`${CHAT}.postern/sign-out`, {}, { origin });
    expect(statusOf(outcome)).toBe(403);
    expect(visitor.decide(CHAT).kind).toBe('allow');
  });

  test('sign-out by GET does nothing', async () => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    expect(statusOf(await visitor.get(`${CHAT}.postern/sign-out`))).toBe(404);
    expect(visitor.decide(CHAT).kind).toBe('allow');
  });
});

test('signing out ends every session of the device', async () => {
  const visitor = new TestVisitor(login);
  await signIn(login, visitor);
  const { cookie } = visitor.facts('GET', CHAT);
  const outcome = await visitor.post(`${CHAT}.postern/sign-out`, {});
  expect(statusOf(outcome)).toBe(200);
  expect(visitor.cookie('chat.example.com', '__Host-gs')).toBeUndefined();
  expect(visitor.decide(CHAT, { cookie }).kind).toBe('gate');
});

describe('timing of unknown users', () => {
  test('an unknown user costs the same single hash of the same cost', async () => {
    const hashed: string[] = [];
    const counted = await makeLogin({
      services: OPEN_PAIRING,
      fitsPassword: (password, phc) => {
        hashed.push(phc.split('$').slice(0, 3).join('$'));
        return fitsPassword(password, phc);
      },
    });
    const visitor = new TestVisitor(counted);
    const known = await visitor.post(SIGN_IN_URL, wrong);
    const unknown = await visitor.post(SIGN_IN_URL, { user: 'bob', password: 'not the password' });
    expect(hashed).toHaveLength(2);
    expect(hashed[0]).toBe(hashed[1]);
    expect(textOf(unknown).replace('bob', 'ann')).toBe(textOf(known));
    expect(statusOf(unknown)).toBe(statusOf(known));
  });

  test('an unknown user is slowed down like a known one', async () => {
    const open = await makeLogin({ services: OPEN_PAIRING });
    for (const user of ['ann', 'bob']) {
      const waits: boolean[] = [];
      for (let attempt = 0; attempt < 5; attempt++) {
        const visitor = new TestVisitor(open, { address: `198.51.100.${attempt}` });
        let isDone = false;
        const answered = visitor
          .post(SIGN_IN_URL, { user, password: 'not the password' })
          .then(() => (isDone = true));
        await new Promise((resolve) => setTimeout(resolve, 20));
        waits.push(!isDone);
        open.clock.advance(10_000);
        await answered;
      }
      expect(waits).toEqual([false, false, false, true, true]);
    }
  });
});

describe('brute force', () => {
  test('per address: the sixth failure in a minute and the 21st in an hour get 429 with Retry-After', async () => {
    const open = await makeLogin({ services: OPEN_PAIRING });
    const attempt = async (user: string): Promise<Outcome> => {
      const answer = new TestVisitor(open).post(SIGN_IN_URL, { user, password: 'not the password' });
      open.clock.advance(1);
      return answer;
    };
    for (let i = 0; i < 5; i++) expect(statusOf(await attempt(`user${i}`))).toBe(401);
    const sixth = await attempt('user6');
    expect(statusOf(sixth)).toBe(429);
    expect(headerOf(sixth, 'retry-after')).toBe('60');
    for (let minute = 0; minute < 3; minute++) {
      open.clock.suspend(60_000);
      for (let i = 0; i < 5; i++) expect(statusOf(await attempt(`user${minute}${i}`))).toBe(401);
    }
    open.clock.suspend(60_000);
    const late = await attempt('user');
    expect(statusOf(late)).toBe(429);
    expect(Number(headerOf(late, 'retry-after'))).toBeGreaterThan(3000);
    open.clock.suspend(3_600_000);
    expect(statusOf(await attempt('user'))).toBe(401);
  });

  test('a hundred guesses at once from one address are five', async () => {
    let hashes = 0;
    const open = await makeLogin({
      services: OPEN_PAIRING,
      fitsPassword: async () => {
        hashes++;
        return false;
      },
    });
    const visitor = new TestVisitor(open);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => visitor.post(SIGN_IN_URL, { ...wrong, user: `u${i}` })),
    );
    expect(hashes).toBe(5);
    expect(answers.filter((answer) => statusOf(answer) === 429)).toHaveLength(95);
  });

  test('programs are told by decide, before their body is read', async () => {
    const open = await makeLogin({ services: OPEN_PAIRING });
    const program = new TestVisitor(open, { accept: '*/*' });
    for (let i = 0; i < 5; i++) await program.post(SIGN_IN_URL, { ...wrong, user: `u${i}` });
    expect(program.decide(SIGN_IN_URL, { method: 'POST' })).toEqual({
      kind: 'limited',
      retryAfterSeconds: 60,
    });
    const paired = new TestVisitor(open, { accept: '*/*', address: '203.0.113.9' });
    await paired.post(SIGN_IN_URL, right, { origin: undefined });
    const { client } = program.facts('POST', SIGN_IN_URL);
    expect(paired.decide(SIGN_IN_URL, { method: 'POST', client })).toEqual({ kind: 'gate' });
  });

  test('a right password gives its place back', async () => {
    const open = await makeLogin({ services: OPEN_PAIRING });
    for (let i = 0; i < 12; i++) {
      const visitor = new TestVisitor(open, { accept: '*/*' });
      expect(statusOf(await visitor.post(SIGN_IN_URL, right, { origin: undefined }))).toBe(200);
    }
  });

  test('distributed: after 10,000 wrong guesses from 10,000 addresses the owner signs in at once on a paired device', async () => {
    const open = await makeLogin({ services: OPEN_PAIRING });
    const owner = new TestVisitor(open, { address: '203.0.113.9' });
    await signIn(open, owner);
    const outcomes = new Map<number, number>();
    for (let batch = 0; batch < 100; batch++) {
      const answers = Array.from({ length: 100 }, (_, i) => {
        const address = `10.${batch}.${i}.1`;
        return new TestVisitor(open, { address }).post(SIGN_IN_URL, wrong);
      });
      for (const answer of await settle(open, answers)) {
        outcomes.set(statusOf(answer), (outcomes.get(statusOf(answer)) ?? 0) + 1);
      }
    }
    expect(new Set(outcomes.keys())).toEqual(new Set([401, 503]));
    // No timer moves now: an attempt that had to wait would not come back.
    expect(statusOf(await owner.post(SIGN_IN_URL, right))).toBe(303);
    expect(owner.decide(CHAT).kind).toBe('allow');
  });

  test('a full line of hashes: a paired device passes strangers', async () => {
    const order: string[] = [];
    const releases: (() => void)[] = [];
    const open = await makeLogin({
      services: OPEN_PAIRING,
      fitsPassword: async (password, phc) => {
        order.push(password);
        if (password !== PASSWORD) await new Promise<void>((resolve) => releases.push(resolve));
        return fitsPassword(password, phc);
      },
    });
    const owner = new TestVisitor(open, { address: '203.0.113.9' });
    await signIn(open, owner);
    order.length = 0;
    const guesses = Array.from({ length: 30 }, (_, i) =>
      new TestVisitor(open, { address: `10.0.0.${i}` }).post(SIGN_IN_URL, {
        user: `u${i}`,
        password: `guess ${i}`,
      }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toHaveLength(2);
    const mine = owner.post(SIGN_IN_URL, right);
    await new Promise((resolve) => setImmediate(resolve));
    releases.shift()?.();
    expect(statusOf(await mine)).toBe(303);
    expect(order[2]).toBe(PASSWORD);
    let settled: Outcome[] | undefined;
    void Promise.all(guesses).then((outcomes) => (settled = outcomes));
    while (!settled) {
      releases.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(settled.filter((outcome) => statusOf(outcome) === 503)).toHaveLength(12);
  });

  test('the bucket "unknown" is one, and a paired device passes it', async () => {
    const open = await makeLogin({ services: OPEN_PAIRING });
    const unknown = { address: 'unknown', bucket: 'unknown' };
    const owner = new TestVisitor(open, unknown);
    await signIn(open, owner);
    for (let i = 0; i < 5; i++)
      await new TestVisitor(open, unknown).post(SIGN_IN_URL, { ...wrong, user: `u${i}` });
    expect(statusOf(await new TestVisitor(open, unknown).post(SIGN_IN_URL, right))).toBe(429);
    expect(statusOf(await owner.post(SIGN_IN_URL, right))).toBe(303);
  });

  test('a paired device has limits too', async () => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++)
      statuses.push(statusOf(await visitor.post(SIGN_IN_URL, { ...wrong, user: `u${i}` })));
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  });
});

describe('odd forms', () => {
  test.each([
    ['no password', { user: 'ann' }],
    ['an empty password', { user: 'ann', password: '' }],
    ['no user', { password: PASSWORD }],
  ])('%s is 400', async (_name, fields) => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    expect(statusOf(await visitor.post(SIGN_IN_URL, fields))).toBe(400);
  });

  test('a body of 9 KiB is 413', async () => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    const outcome = await visitor.post(SIGN_IN_URL, { user: 'ann', password: 'x'.repeat(9000) });
    expect(statusOf(outcome)).toBe(413);
  });

  test('the name is taken without case and blanks, the password as it is', async () => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    expect(statusOf(await visitor.post(SIGN_IN_URL, { user: ' Ann ', password: PASSWORD }))).toBe(303);
    expect(statusOf(await visitor.post(SIGN_IN_URL, { user: 'ann', password: `${PASSWORD} ` }))).toBe(401);
  });

  test('what was typed is shown escaped', async () => {
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    const text = textOf(
      await visitor.post(SIGN_IN_URL, { user: '"><script>alert(1)</script>', password: 'x' }),
    );
    expect(text).not.toContain('<script');
    expect(text).toContain('&quot;&gt;&lt;script&gt;');
  });
});

describe('a race with the operator', () => {
  test.each([
    ['the device is revoked', () => revokeAll()],
    ['the user is removed', () => login.keeper.admin.removeUser({ name: 'ann' })],
    ['the password changes', () => login.keeper.admin.setPassword({ name: 'ann' })],
  ])('while the password is checked %s: no session', async (_name, meanwhile) => {
    let during: (() => Promise<unknown>) | undefined;
    login = await makeLogin({
      fitsPassword: async (password, phc) => {
        await during?.();
        return fitsPassword(password, phc);
      },
    });
    const visitor = new TestVisitor(login);
    await signIn(login, visitor);
    during = meanwhile;
    await visitor.post(SIGN_IN_URL, right);
    expect(visitor.decide(CHAT).kind).toBe('gate');
  });

  const revokeAll = async (): Promise<void> => {
    for (const { id } of await login.keeper.admin.listDevices())
      await login.keeper.admin.revokeDevice({ id });
  };
});

test('pairing off: the form comes at once, and the browser becomes a device by its password', async () => {
  const open = await makeLogin({ services: OPEN_PAIRING });
  const visitor = new TestVisitor(open);
  const page = await visitor.open(CHAT);
  expect(textOf(page)).toContain('current-password');
  expect(codeOn(textOf(page))).toBe('');
  await visitor.post(SIGN_IN_URL, right);
  expect(await open.keeper.admin.listDevices()).toMatchObject([
    { name: 'Safari on iPhone', userName: 'ann' },
  ]);
});

test('pairing off: a device that nobody uses is forgotten after 30 days; one with a token, or approved, is not', async () => {
  const services = [
    { name: 'chat.example.com', access: 'login', pairing: 'off' },
    { name: 'files.example.com', access: 'login', pairing: 'required' },
  ] as const;
  const open = await makeLogin({ services });
  const ids = async (): Promise<string[]> => (await open.keeper.admin.listDevices()).map(({ id }) => id);
  for (let count = 0; count < 3; count++) await new TestVisitor(open).post(SIGN_IN_URL, right);
  const [withToken = '', withCookie = ''] = await ids();
  await open.keeper.admin.makeToken({ id: withToken });
  await signIn(open, new TestVisitor(open), 'https://files.example.com/.postern/sign-in');
  const [, , , approved = ''] = await ids();
  open.keeper.close();

  const later = new AuthStore(open.database, open.clock, silentLog);
  const kept = (): string[] => [...later.snapshot.devices.keys()];
  open.clock.suspend(29 * 86_400_000);
  later.sweep();
  expect(kept()).toHaveLength(4);
  later.noteUse({ kind: 'session', id: 'gone', deviceId: withCookie, userName: 'ann' });
  open.clock.suspend(86_400_000);
  later.sweep();
  expect(kept().toSorted()).toEqual([withToken, withCookie, approved].toSorted());
  later.close();
});

describe('the demo: the first is paired by itself', () => {
  test('curl without a cookie or an Origin signs in with user and password alone', async () => {
    const demo = await makeLogin({ pairFirst: true });
    const curl = new TestVisitor(demo, { accept: '*/*', userAgent: 'curl/8.5.0' });
    const outcome = await curl.post(SIGN_IN_URL, right, { origin: undefined });
    expect(outcome).toMatchObject({ status: 200, text: 'Signed in.\n' });
    expect(curl.decide(CHAT).kind).toBe('allow');
  });

  test('every further one needs approval, also after the first was revoked', async () => {
    const demo = await makeLogin({ pairFirst: true });
    await new TestVisitor(demo).post(SIGN_IN_URL, right);
    const [device] = await demo.keeper.admin.listDevices();
    await demo.keeper.admin.revokeDevice({ id: device?.id ?? '' });
    const second = new TestVisitor(demo, { accept: '*/*' });
    const outcome = await second.post(SIGN_IN_URL, right, { origin: undefined });
    expect(statusOf(outcome)).toBe(403);
    expect(codeOn(textOf(outcome))).not.toBe('');
    expect(second.decide(CHAT).kind).toBe('gate');
  });

  test('nor after the first was forgotten', async () => {
    const demo = await makeLogin({ pairFirst: true });
    await new TestVisitor(demo).post(SIGN_IN_URL, right);
    demo.keeper.close();
    const later = new AuthStore(demo.database, demo.clock, silentLog);
    demo.clock.suspend(30 * 86_400_000);
    later.sweep();
    expect(later.snapshot.devices.size).toBe(0);
    expect(hasEverPaired(later)).toBe(true);
    later.close();
  });

  test('of two at once one wins', async () => {
    const demo = await makeLogin({ pairFirst: true });
    const visitors = [new TestVisitor(demo), new TestVisitor(demo)];
    await Promise.all(visitors.map((visitor) => visitor.post(SIGN_IN_URL, right)));
    expect(visitors.filter((visitor) => visitor.decide(CHAT).kind === 'allow')).toHaveLength(1);
  });

  test('a wrong password pairs nobody', async () => {
    const demo = await makeLogin({ pairFirst: true });
    expect(statusOf(await new TestVisitor(demo).post(SIGN_IN_URL, wrong))).toBe(401);
    expect(await demo.keeper.admin.listDevices()).toEqual([]);
  });
});
