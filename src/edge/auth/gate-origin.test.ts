import { beforeEach, describe, expect, test } from 'vitest';
import {
  type Outcome,
  PASSWORD,
  type TestLogin,
  TestVisitor,
  headerOf,
  makeLogin,
  signIn,
} from '../../../test/support/login.ts';

const CHAT = 'https://chat.example.com/';
const FILES = 'https://files.example.com/';
const GATE_SIGN_IN = 'https://gate.example.com/.postern/sign-in';

const textOf = (outcome: Outcome): string => (outcome.kind === 'login' ? outcome.text : '');
const statusOf = (outcome: Outcome): number => (outcome.kind === 'login' ? outcome.status : 0);

let login: TestLogin;
beforeEach(async () => {
  login = await makeLogin({
    gate: 'gate.example.com',
    services: [
      { name: 'chat.example.com', access: 'login', pairing: 'required' },
      { name: 'files.example.com', access: 'login', pairing: 'required' },
      { name: 'open.example.com', access: 'none', pairing: 'required' },
    ],
  });
});

/** Signs in at the gate on the way to a page, up to the ticket's address. */
async function fetchTicketUrl(visitor: TestVisitor, page = `${CHAT}deep?x=1`): Promise<string> {
  const outcome = await signIn(login, visitor, page);
  const url = /content="0; url=([^"]+)"/.exec(textOf(outcome))?.[1] ?? '';
  return url.replaceAll('&amp;', '&');
}

test('the way: service → gate → code → password → ticket → the page that was asked for', async () => {
  const visitor = new TestVisitor(login);
  const ticketUrl = await fetchTicketUrl(visitor);
  expect(ticketUrl).toMatch(/^https:\/\/chat\.example\.com\/\.postern\/ticket\?t=[\w-]{43}$/);
  const landed = await visitor.get(ticketUrl);
  expect(headerOf(landed, 'location')).toBe(`${CHAT}deep?x=1`);
  expect(visitor.decide(CHAT).kind).toBe('allow');
  expect(visitor.cookie('chat.example.com', '__Host-gd')).toBeUndefined();
});

test('signed in at the gate, the next service needs no password', async () => {
  const visitor = new TestVisitor(login);
  await visitor.get(await fetchTicketUrl(visitor));
  expect(visitor.decide(FILES).kind).toBe('gate');
  const landed = await visitor.open(`${FILES}a`);
  expect(landed).toMatchObject({ kind: 'service', url: `${FILES}a` });
});

test('nothing before sign-in names the service at the gate', async () => {
  const page = await new TestVisitor(login).open(CHAT);
  expect(page.url).toContain(GATE_SIGN_IN);
  expect(textOf(page)).not.toContain('chat.example.com');
});

describe('a ticket', () => {
  test('works once', async () => {
    const visitor = new TestVisitor(login);
    const ticketUrl = await fetchTicketUrl(visitor);
    const jar = new Map(visitor.jars.get('chat.example.com'));
    await visitor.get(ticketUrl);
    const replay = new TestVisitor(login);
    replay.jars.set('chat.example.com', jar);
    expect(statusOf(await replay.get(ticketUrl))).toBe(403);
    expect(replay.decide(CHAT).kind).toBe('gate');
  });

  test('lasts 30 s', async () => {
    for (const [waitMs, status] of [
      [29_999, 303],
      [30_000, 403],
    ] as const) {
      const visitor = new TestVisitor(login);
      const ticketUrl = await fetchTicketUrl(visitor);
      login.clock.suspend(waitMs);
      expect(statusOf(await visitor.get(ticketUrl))).toBe(status);
    }
  });

  test('is worth nothing in a browser that did not set out from the service (login CSRF)', async () => {
    const attacker = new TestVisitor(login);
    const ticketUrl = await fetchTicketUrl(attacker);
    const victim = new TestVisitor(login);
    await victim.get(CHAT);
    expect(statusOf(await victim.get(ticketUrl))).toBe(403);
    expect(victim.decide(CHAT).kind).toBe('gate');
  });

  test('of one service is refused by another', async () => {
    const visitor = new TestVisitor(login);
    const ticketUrl = await fetchTicketUrl(visitor);
    visitor.jars.set('files.example.com', new Map(visitor.jars.get('chat.example.com')));
    expect(statusOf(await visitor.get(ticketUrl.replace('chat.', 'files.')))).toBe(403);
    expect(visitor.decide(FILES).kind).toBe('gate');
  });

  test.each([
    ['the device is revoked', 'device'],
    ['the user is removed', 'user'],
    ['all sessions are revoked', 'sessions'],
    ['the password is changed', 'password'],
  ])('dies when %s', async (_name, what) => {
    const visitor = new TestVisitor(login);
    const ticketUrl = await fetchTicketUrl(visitor);
    const { admin } = login.keeper;
    if (what === 'device') await admin.revokeDevice({ id: (await admin.listDevices())[0]?.id ?? '' });
    if (what === 'user') await admin.removeUser({ name: 'ann' });
    if (what === 'sessions') await admin.revokeAllSessions();
    if (what === 'password') await admin.setPassword({ name: 'ann' });
    expect(statusOf(await visitor.get(ticketUrl))).toBe(403);
  });
});

test('the gate passes nothing on and has no paths but its own', () => {
  const visitor = new TestVisitor(login);
  expect(visitor.decide('https://gate.example.com/')).toEqual({ kind: 'gate' });
  expect(visitor.decide('https://gate.example.com/x')).toEqual({ kind: 'deny', status: 404 });
  expect(visitor.decide('https://gate.example.com/', { method: 'POST' })).toEqual({
    kind: 'deny',
    status: 404,
  });
  expect(visitor.decide('https://gate.example.com/', { isUpgrade: true })).toEqual({
    kind: 'deny',
    status: 404,
  });
});

test('a password is taken at the gate alone', async () => {
  const visitor = new TestVisitor(login);
  const outcome = await visitor.post(`${CHAT}.postern/sign-in`, { user: 'ann', password: PASSWORD });
  expect(statusOf(outcome)).toBe(404);
});

test('an errand of somebody else leads back to their service, and never elsewhere', async () => {
  const visitor = new TestVisitor(login);
  await fetchTicketUrl(visitor);
  for (const errand of ['x', 'https://evil.example', 'A'.repeat(43)]) {
    const outcome = await visitor.get(`${GATE_SIGN_IN}?e=${encodeURIComponent(errand)}`);
    expect(headerOf(outcome, 'location')).toBe('https://gate.example.com/.postern/');
  }
});

test('the signed-in page lists the services with a login', async () => {
  const visitor = new TestVisitor(login);
  await fetchTicketUrl(visitor);
  const page = textOf(await visitor.get('https://gate.example.com/'));
  expect(page).toContain('href="https://chat.example.com/"');
  expect(page).toContain('href="https://files.example.com/"');
  expect(page).not.toContain('open.example.com');
});

test('signing out at the gate ends the sessions of the device on every service', async () => {
  const visitor = new TestVisitor(login);
  await visitor.get(await fetchTicketUrl(visitor));
  expect(visitor.decide(CHAT).kind).toBe('allow');
  await visitor.post('https://gate.example.com/.postern/sign-out', {});
  expect(visitor.decide(CHAT).kind).toBe('gate');
  expect(textOf(await visitor.open(CHAT))).toContain('current-password');
});

test('revoking the session of a service asks for the password again: the gate gives no next one', async () => {
  const visitor = new TestVisitor(login);
  await visitor.get(await fetchTicketUrl(visitor));
  const { admin } = login.keeper;
  const session = (await admin.listSessions()).find(({ service }) => service === 'chat.example.com');
  await admin.revokeSession({ id: session?.id ?? '' });
  expect(textOf(await visitor.open(CHAT))).toContain('current-password');
});

test('30 days count from the password, however many tickets later', async () => {
  const visitor = new TestVisitor(login);
  await visitor.get(await fetchTicketUrl(visitor));
  for (let day = 0; day < 29; day++) {
    login.clock.suspend(86_400_000);
    await visitor.open('https://gate.example.com/.postern/');
  }
  await visitor.open(FILES);
  expect(visitor.decide(FILES).kind).toBe('allow');
  login.clock.suspend(86_400_000);
  expect(visitor.decide(FILES).kind).toBe('gate');
});

test('a token of a device that was paired at the gate is good on every service with a login', async () => {
  await fetchTicketUrl(new TestVisitor(login));
  const [device] = await login.keeper.admin.listDevices();
  const { token } = await login.keeper.admin.makeToken({ id: device?.id ?? '' });
  for (const url of [CHAT, FILES]) {
    expect(new TestVisitor(login).decide(url, { authorization: `Bearer ${token}` }).kind).toBe('allow');
  }
});

test('the way back is remembered for a bounded number of strangers', async () => {
  for (let i = 0; i < 5100; i++) await new TestVisitor(login).get(`${CHAT}${i}`);
  const visitor = new TestVisitor(login);
  expect(headerOf(await visitor.get(CHAT), 'location')).toContain(GATE_SIGN_IN);
});
