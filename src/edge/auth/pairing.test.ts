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
} from '../../../test/support/login.ts';

const CHAT = 'https://chat.example.com/';
const textOf = (outcome: Outcome): string => (outcome.kind === 'login' ? outcome.text : '');
const statusOf = (outcome: Outcome): number => (outcome.kind === 'login' ? outcome.status : 0);

let login: TestLogin;
beforeEach(async () => {
  login = await makeLogin();
});

const approve = async (code: string): Promise<void> => {
  const { comparison } = await login.keeper.admin.findRequest({ code });
  await login.keeper.admin.approveRequest({ code, comparison });
};

describe('a new browser', () => {
  test('sees a code and a comparison value that the operator sees too, and nothing of a password', async () => {
    const page = textOf(await new TestVisitor(login).open(CHAT));
    const [request] = await login.keeper.admin.listRequests();
    expect(codeOn(page).replace('-', '')).toBe(request?.code);
    expect(page.replaceAll(' ', '')).toContain(request?.comparison);
    expect(page.toLowerCase()).not.toContain('password');
    expect(request).toMatchObject({
      browser: 'Safari on iPhone',
      address: '198.51.100.7',
      host: 'chat.example.com',
    });
    expect(request?.createdAtMs).toBe(login.clock.nowMs());
  });

  test('cannot try a password before it is paired: none is even looked at', async () => {
    const visitor = new TestVisitor(login);
    const outcome = await visitor.post(SIGN_IN_URL, { user: 'ann', password: PASSWORD });
    expect(codeOn(textOf(outcome))).not.toBe('');
    expect(visitor.decide(CHAT).kind).toBe('gate');
    expect(await login.keeper.admin.listSessions()).toEqual([]);
  });

  test('goes on by itself without JavaScript: the page loads itself again and becomes the form', async () => {
    const visitor = new TestVisitor(login);
    const page = textOf(await visitor.open(CHAT));
    expect(page).toMatch(/<meta http-equiv="refresh" content="\d; url=\/\.postern\/sign-in" ?\/?>/);
    expect(codeOn(textOf(await visitor.open(SIGN_IN_URL)))).toBe(codeOn(page));
    await approve(codeOn(page));
    const form = textOf(await visitor.open(SIGN_IN_URL));
    expect(form).toContain('autocomplete="username"');
    expect(form).toContain('autocomplete="current-password"');
  });

  test('curl is told its code as text, and pairs with a cookie jar', async () => {
    const curl = new TestVisitor(login, { accept: '*/*', userAgent: 'curl/8.5.0' });
    const first = await curl.get(SIGN_IN_URL);
    expect(statusOf(first)).toBe(403);
    await approve(codeOn(textOf(first)));
    expect(statusOf(await curl.get(SIGN_IN_URL))).toBe(200);
    expect(statusOf(await curl.post(SIGN_IN_URL, { user: 'ann', password: PASSWORD }))).toBe(200);
    expect(curl.decide(CHAT).kind).toBe('allow');
  });
});

describe('an approval', () => {
  test('grants nothing to another browser than the one with the cookie of the request', async () => {
    const owner = new TestVisitor(login);
    const thief = new TestVisitor(login);
    await thief.open(SIGN_IN_URL);
    await approve(codeOn(textOf(await owner.open(SIGN_IN_URL))));
    expect(textOf(await thief.open(SIGN_IN_URL))).not.toContain('current-password');
    expect(thief.cookie('chat.example.com', '__Host-gd')).toBeUndefined();
    expect(textOf(await owner.open(SIGN_IN_URL))).toContain('current-password');
  });

  test('works once', async () => {
    const visitor = new TestVisitor(login);
    const code = codeOn(textOf(await visitor.open(SIGN_IN_URL)));
    await approve(code);
    await expect(approve(code)).rejects.toMatchObject({ code: 'AUTH_CODE_UNKNOWN' });
  });

  test('needs the comparison value that belongs to the code', async () => {
    const code = codeOn(textOf(await new TestVisitor(login).open(SIGN_IN_URL)));
    const approval = login.keeper.admin.approveRequest({ code, comparison: 'other' });
    await expect(approval).rejects.toMatchObject({ code: 'AUTH_CODE_UNKNOWN' });
    expect(await login.keeper.admin.listDevices()).toEqual([]);
  });

  test('takes the code in any case, with or without its hyphen', async () => {
    const code = codeOn(textOf(await new TestVisitor(login).open(SIGN_IN_URL)));
    for (const typed of [code.toLowerCase(), code.replace('-', ''), ` ${code.replace('-', ' ')} `]) {
      expect((await login.keeper.admin.findRequest({ code: typed })).code).toBe(code.replace('-', ''));
    }
  });

  test('whose answer was lost on the way can be fetched again, until the device cookie has come back', async () => {
    const visitor = new TestVisitor(login);
    await approve(codeOn(textOf(await visitor.open(SIGN_IN_URL))));
    const jar = new Map(visitor.jars.get('chat.example.com'));
    await visitor.get(SIGN_IN_URL);
    const lost = visitor.cookie('chat.example.com', '__Host-gd');
    visitor.jars.set('chat.example.com', new Map(jar));
    expect(textOf(await visitor.open(SIGN_IN_URL))).toContain('current-password');
    expect(visitor.cookie('chat.example.com', '__Host-gd')).not.toBe(lost);
    const replay = new TestVisitor(login);
    replay.jars.set('chat.example.com', jar);
    expect(textOf(await replay.open(SIGN_IN_URL))).not.toContain('current-password');
  });

  test('that nobody fetches leaves no device behind', async () => {
    const visitor = new TestVisitor(login);
    await approve(codeOn(textOf(await visitor.open(SIGN_IN_URL))));
    expect(await login.keeper.admin.listDevices()).toHaveLength(1);
    login.clock.suspend(10 * 60_000);
    login.clock.advance(60_000);
    expect(await login.keeper.admin.listDevices()).toEqual([]);
    expect(textOf(await visitor.open(SIGN_IN_URL))).not.toContain('current-password');
  });
});

describe('a code', () => {
  test('has 8 characters of an alphabet of 32 without 0, O, 1 and I', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const page = textOf(await new TestVisitor(login, { address: `10.0.0.${i}` }).open(SIGN_IN_URL));
      for (const letter of codeOn(page).replace('-', '')) seen.add(letter);
    }
    expect([...seen].toSorted().join('')).toBe('23456789ABCDEFGHJKLMNPQRSTUVWXYZ');
  });

  test('is good for 10 minutes; then the page offers a new one', async () => {
    const visitor = new TestVisitor(login);
    const code = codeOn(textOf(await visitor.open(SIGN_IN_URL)));
    login.clock.suspend(10 * 60_000 - 1);
    await login.keeper.admin.findRequest({ code });
    login.clock.suspend(1);
    await expect(approve(code)).rejects.toMatchObject({ code: 'AUTH_CODE_UNKNOWN' });
    const page = textOf(await visitor.open(SIGN_IN_URL));
    expect(page).toContain('/.postern/sign-in?again=1');
    expect(page).not.toContain('http-equiv="refresh"');
    const next = codeOn(textOf(await visitor.open(`${SIGN_IN_URL}?again=1`)));
    expect(next).not.toBe('');
    expect(next).not.toBe(code);
  });

  test('that was refused stays refused, and holds its place until its time is over', async () => {
    const visitor = new TestVisitor(login);
    const code = codeOn(textOf(await visitor.open(SIGN_IN_URL)));
    await login.keeper.admin.rejectRequest({ code });
    await expect(approve(code)).rejects.toMatchObject({ code: 'AUTH_CODE_UNKNOWN' });
    const page = await visitor.open(`${SIGN_IN_URL}?again=1`);
    expect(statusOf(page)).toBe(403);
    expect(codeOn(textOf(page))).toBe('');
  });

  test('5 are open for one address, and another address is not held up', async () => {
    for (let i = 0; i < 5; i++) {
      expect(codeOn(textOf(await new TestVisitor(login).open(SIGN_IN_URL)))).not.toBe('');
    }
    const sixth = await new TestVisitor(login).open(SIGN_IN_URL);
    expect(statusOf(sixth)).toBe(429);
    expect(headerOf(sixth, 'retry-after')).toBe('600');
    const other = await new TestVisitor(login, { address: '198.51.100.8' }).open(SIGN_IN_URL);
    expect(codeOn(textOf(other))).not.toBe('');
    login.clock.suspend(10 * 60_000);
    expect(codeOn(textOf(await new TestVisitor(login).open(SIGN_IN_URL)))).not.toBe('');
  });

  test('strangers from everywhere hold a bounded number', async () => {
    for (let i = 0; i < 250; i++) await new TestVisitor(login, { address: `a${i}` }).open(SIGN_IN_URL);
    const over = await new TestVisitor(login, { address: 'another' }).open(SIGN_IN_URL);
    expect(statusOf(over)).toBe(429);
    expect(await login.keeper.admin.listRequests()).toHaveLength(250);
  });

  test('a flood of them that nobody asks for again makes room, and one that is asked for stays', async () => {
    const owner = new TestVisitor(login, { address: 'owner' });
    const code = codeOn(textOf(await owner.open(SIGN_IN_URL)));
    for (let i = 0; i < 249; i++) await new TestVisitor(login, { address: `a${i}` }).open(SIGN_IN_URL);
    login.clock.suspend(30_001);
    expect(codeOn(textOf(await owner.open(SIGN_IN_URL)))).toBe(code);
    for (let i = 0; i < 10; i++) {
      const next = await new TestVisitor(login, { address: `b${i}` }).open(SIGN_IN_URL);
      expect(codeOn(textOf(next))).not.toBe('');
    }
    expect(codeOn(textOf(await owner.open(SIGN_IN_URL)))).toBe(code);
    expect(await login.keeper.admin.listRequests()).toHaveLength(250);
  });
});

test("a stranger's words never reach the operator: browsers are named from a list", async () => {
  const userAgent = '\u001b[2Jowner approve me now Firefox/1 \r\n';
  await new TestVisitor(login, { userAgent }).open(SIGN_IN_URL);
  expect((await login.keeper.admin.listRequests())[0]?.browser).toBe('Firefox');
});

test('the device cookie counts on the host that paired it and no other', async () => {
  login = await makeLogin({
    services: [
      { name: 'chat.example.com', access: 'login', pairing: 'required' },
      { name: 'files.example.com', access: 'login', pairing: 'required' },
    ],
  });
  const visitor = new TestVisitor(login);
  await approve(codeOn(textOf(await visitor.open(SIGN_IN_URL))));
  await visitor.open(SIGN_IN_URL);
  const { cookie } = visitor.facts('GET', SIGN_IN_URL);
  const page = await new TestVisitor(login).get('https://files.example.com/.postern/sign-in', { cookie });
  expect(textOf(page)).not.toContain('current-password');
});

test('the cookie of a request counts on the host that made it and no other', async () => {
  login = await makeLogin({
    services: [
      { name: 'chat.example.com', access: 'login', pairing: 'required' },
      { name: 'files.example.com', access: 'login', pairing: 'required' },
    ],
  });
  const visitor = new TestVisitor(login);
  const code = codeOn(textOf(await visitor.open(SIGN_IN_URL)));
  await approve(code);
  const { cookie } = visitor.facts('GET', SIGN_IN_URL);
  const elsewhere = await visitor.get('https://files.example.com/.postern/sign-in', { cookie });
  expect(headerOf(elsewhere, 'set-cookie') ?? '').not.toContain('__Host-gd');
});
