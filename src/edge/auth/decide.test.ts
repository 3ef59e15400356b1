import { beforeEach, describe, expect, test } from 'vitest';
import {
  PASSWORD,
  SIGN_IN_URL,
  type TestLogin,
  TestVisitor,
  headerOf,
  makeLogin,
  signIn,
} from '../../../test/support/login.ts';

const CHAT = 'https://chat.example.com/';

let login: TestLogin;
beforeEach(async () => {
  login = await makeLogin({
    services: [
      { name: 'chat.example.com', access: 'login', pairing: 'required' },
      { name: 'files.example.com', access: 'login', pairing: 'off' },
      { name: 'open.example.com', access: 'none', pairing: 'required' },
    ],
  });
});

const signedIn = async (): Promise<TestVisitor> => {
  const visitor = new TestVisitor(login);
  await signIn(login, visitor);
  return visitor;
};

describe('a stranger', () => {
  test('with a browser is led to the sign-in by 303', async () => {
    const outcome = await new TestVisitor(login).get(`${CHAT}some/page`);
    expect(outcome).toMatchObject({ kind: 'login', status: 303 });
    expect(headerOf(outcome, 'location')).toBe(SIGN_IN_URL);
  });

  test('with a program gets 401 and a short text that names nothing', async () => {
    const outcome = await new TestVisitor(login, { accept: '*/*' }).get(CHAT);
    expect(outcome).toMatchObject({ kind: 'login', status: 401, text: 'Sign in first.\n' });
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'BREW'])('cannot %s', (method) => {
    expect(new TestVisitor(login).decide(CHAT, { method })).toEqual({ kind: 'deny', status: 401 });
  });

  test('cannot open a WebSocket', () => {
    expect(new TestVisitor(login).decide(CHAT, { isUpgrade: true })).toEqual({ kind: 'deny', status: 401 });
  });

  test('on a name that is not ours gets nothing', () => {
    expect(new TestVisitor(login).decide('https://other.example.com/')).toEqual({
      kind: 'deny',
      status: 404,
    });
  });
});

describe('a session', () => {
  test('passes with its user and device, and keeps the Authorization of the service', async () => {
    const visitor = await signedIn();
    expect(visitor.decide(CHAT, { authorization: 'Bearer of-the-service' })).toMatchObject({
      kind: 'allow',
      removeAuthorization: false,
      principal: { kind: 'session', userName: 'ann' },
    });
  });

  test('of one service is refused by another', async () => {
    const visitor = await signedIn();
    const { cookie } = visitor.facts('GET', CHAT);
    expect(cookie).toContain('__Host-gs=');
    expect(visitor.decide('https://files.example.com/', { cookie })).toEqual({ kind: 'gate' });
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT'])(
    'CSRF: %s needs the Origin of its own host',
    async (method) => {
      const visitor = await signedIn();
      const origins = [
        'https://evil.example',
        'null',
        'http://chat.example.com',
        'https://chat.example.com.',
        undefined,
      ];
      for (const origin of origins) {
        expect(visitor.decide(CHAT, { method, origin })).toEqual({ kind: 'deny', status: 403 });
      }
      const own = visitor.decide(CHAT, { method, origin: 'https://chat.example.com' });
      expect(own.kind).toBe('allow');
    },
  );

  test('cross-site WebSocket: a handshake needs the Origin of its own host', async () => {
    const visitor = await signedIn();
    for (const origin of ['https://evil.example', undefined]) {
      expect(visitor.decide(CHAT, { isUpgrade: true, origin })).toEqual({ kind: 'deny', status: 403 });
    }
    const own = visitor.decide(CHAT, { isUpgrade: true, origin: 'https://chat.example.com' });
    expect(own.kind).toBe('allow');
  });

  test('ends after 7 idle days, and use keeps it alive', async () => {
    const visitor = await signedIn();
    for (let day = 0; day < 3; day++) {
      login.clock.suspend(6.9 * 86_400_000);
      expect(visitor.decide(CHAT).kind).toBe('allow');
    }
    login.clock.suspend(7 * 86_400_000);
    expect(visitor.decide(CHAT).kind).toBe('gate');
  });

  test('a WebSocket that stays open counts as use, until the 30 days are over', async () => {
    const visitor = await signedIn();
    const decision = visitor.decide(CHAT);
    if (decision.kind !== 'allow') throw new Error(decision.kind);
    const daysOpen = (days: number): void => {
      for (let day = 0; day < days; day++) {
        login.clock.suspend(86_400_000);
        login.keeper.noteUse(decision.principal);
      }
    };
    daysOpen(29);
    expect(visitor.decide(CHAT).kind).toBe('allow');
    daysOpen(1);
    expect(visitor.decide(CHAT).kind).toBe('gate');
  });

  test('ends after 30 days however much it is used', async () => {
    const visitor = await signedIn();
    for (let day = 0; day < 29; day++) {
      login.clock.suspend(86_400_000);
      expect(visitor.decide(CHAT).kind).toBe('allow');
    }
    login.clock.suspend(86_400_000);
    expect(visitor.decide(CHAT).kind).toBe('gate');
  });

  test.each([
    ['quoted', (value: string) => `__Host-gs="${value}"`],
    ['twice', (value: string) => `__Host-gs=${value}; __Host-gs=${value}`],
    ['planted first', (value: string) => `__Host-gs=${'A'.repeat(43)}; __Host-gs=${value}`],
    ['with the prefix in another case', (value: string) => `__host-gs=${value}`],
    ['cut by one letter', (value: string) => `__Host-gs=${value.slice(1)}`],
    ['percent-encoded', (value: string) => `%5F_Host-gs=${value}`],
    ['without a name', (value: string) => `=__Host-gs=${value}`],
  ])('cookie %s is no session', async (_name, spell) => {
    const visitor = await signedIn();
    const value = visitor.cookie('chat.example.com', '__Host-gs') ?? '';
    expect(visitor.decide(CHAT, { cookie: `__Host-gs=${value}` }).kind).toBe('allow');
    expect(visitor.decide(CHAT, { cookie: spell(value) }).kind).toBe('gate');
  });
});

describe('a bearer token', () => {
  const makeToken = async (): Promise<string> => {
    await signedIn();
    const [device] = await login.keeper.admin.listDevices();
    return (await login.keeper.admin.makeToken({ id: device?.id ?? '' })).token;
  };

  test('passes without Origin and is removed', async () => {
    const token = await makeToken();
    const program = new TestVisitor(login, { accept: '*/*' });
    expect(token).toMatch(/^pst_/);
    const decision = program.decide(CHAT, {
      method: 'POST',
      origin: undefined,
      authorization: `Bearer ${token}`,
    });
    expect(decision).toMatchObject({
      kind: 'allow',
      removeAuthorization: true,
      principal: { kind: 'token', userName: 'ann' },
    });
  });

  test('in odd spellings never reaches the service: it is read, or the request is refused', async () => {
    const token = await makeToken();
    const visitor = await signedIn();
    for (const authorization of [
      `bearer ${token}`,
      `BEARER  ${token}`,
      `Bearer pst_wrong`,
      `Bearer ${token}x`,
    ]) {
      const decision = visitor.decide(CHAT, { authorization });
      const isSafe = decision.kind === 'deny' || (decision.kind === 'allow' && decision.removeAuthorization);
      expect(isSafe).toBe(true);
    }
  });

  test('that is wrong is refused even beside a good session', async () => {
    const visitor = await signedIn();
    const authorization = `Bearer pst_${'A'.repeat(43)}`;
    expect(visitor.decide(CHAT, { authorization })).toEqual({ kind: 'deny', status: 401 });
  });

  test('of one service is refused by another', async () => {
    const authorization = `Bearer ${await makeToken()}`;
    const decision = new TestVisitor(login).decide('https://files.example.com/', { authorization });
    expect(decision).toEqual({ kind: 'deny', status: 401 });
  });
});

describe('auth: none', () => {
  test('lets everybody through, leaves Authorization alone, and never hands on a token of ours', () => {
    const ask = (authorization: string) =>
      new TestVisitor(login).decide('https://open.example.com/x', {
        method: 'POST',
        authorization,
        isUpgrade: true,
      });
    const allowed = { kind: 'allow', principal: { kind: 'open' } };
    for (const theirs of ['Bearer x', 'Basic cHN0Xw==', 'pst_x']) {
      expect(ask(theirs)).toMatchObject({ ...allowed, removeAuthorization: false });
    }
    for (const ours of ['Bearer pst_x', 'bearer  pst_x', 'Bearer\tpst_x']) {
      expect(ask(ours)).toMatchObject({ ...allowed, removeAuthorization: true });
    }
  });

  test('has no sign-in, and its service cannot imitate one', () => {
    const decision = new TestVisitor(login).decide('https://open.example.com/.postern/sign-in');
    expect(decision).toEqual({ kind: 'deny', status: 404 });
  });
});

describe('the reserved prefix', () => {
  test('is answered by the login, for those who are signed in too', async () => {
    const visitor = await signedIn();
    for (const path of ['.postern', '.postern/', '.postern/anything', '.postern/sign-in?x']) {
      expect(visitor.decide(`${CHAT}${path}`)).toEqual({ kind: 'gate' });
    }
  });

  test('Service-Worker scope: no script below it, and no answer widens a scope', async () => {
    const visitor = await signedIn();
    const url = `${CHAT}.postern/sw.js`;
    expect(visitor.decide(url, { serviceWorker: 'script' })).toEqual({ kind: 'deny', status: 403 });
    for (const path of ['.postern/', '.postern/sw.js', '.postern/sign-in']) {
      expect(headerOf(await visitor.get(`${CHAT}${path}`), 'service-worker-allowed')).toBeUndefined();
    }
  });

  test('opens no WebSocket', async () => {
    const decision = (await signedIn()).decide(`${CHAT}.postern/`, {
      isUpgrade: true,
      origin: 'https://chat.example.com',
    });
    expect(decision).toEqual({ kind: 'deny', status: 404 });
  });

  test('in other spellings is a path like any: nothing without a session', async () => {
    const stranger = new TestVisitor(login);
    for (const target of ['/%2epostern/sign-in', '//.postern/', '/.Postern/sign-in', '/x/../.postern/']) {
      const outcome = await stranger.get(CHAT, { target });
      expect(headerOf(outcome, 'location')).toBe(SIGN_IN_URL);
    }
  });
});

test('a password typed into the sign-in of one service starts no session on another', async () => {
  const visitor = new TestVisitor(login);
  await visitor.post('https://files.example.com/.postern/sign-in', { user: 'ann', password: PASSWORD });
  expect(visitor.decide('https://files.example.com/').kind).toBe('allow');
  expect(visitor.decide(CHAT).kind).toBe('gate');
});
