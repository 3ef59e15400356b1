import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CHEAP,
  PASSWORD,
  SIGN_IN_URL,
  type TestLogin,
  TestVisitor,
  makeLogin,
  signIn,
} from '../../../test/support/login.ts';
import { silentLog } from '../../core/log.ts';
import { openDatabase } from '../../platform/sqlite.ts';
import { createAuthAdmin } from './admin-store.ts';
import type { AuthAdmin } from './admin.ts';
import type { Revocation } from './contract.ts';
import { STATE_MIGRATIONS } from './schema.ts';
import { AuthStore } from './store.ts';
import { makeTestFolder } from '../../../test/support/temporary-folder.ts';

const CHAT = 'https://chat.example.com/';

let folder: string;
let login: TestLogin;
let admin: AuthAdmin;
const closers: (() => void)[] = [];

beforeEach(async () => {
  folder = makeTestFolder('postern-auth-');
  const database = await openDatabase(join(folder, 'state.db'), STATE_MIGRATIONS);
  login = await makeLogin({ database });
  admin = login.keeper.admin;
  closers.push(() => {
    login.keeper.close();
    database.close();
  });
});
afterEach(() => {
  for (const close of closers.splice(0).toReversed()) close();
  rmSync(folder, { recursive: true });
});

/** The same state, as another process has it open. */
async function openBeside(): Promise<AuthAdmin> {
  const database = await openDatabase(join(folder, 'state.db'), STATE_MIGRATIONS);
  const store = new AuthStore(database, login.clock, silentLog);
  closers.push(() => {
    store.close();
    database.close();
  });
  return createAuthAdmin(store, CHEAP);
}

async function signedIn(): Promise<TestVisitor> {
  const visitor = new TestVisitor(login);
  await signIn(login, visitor);
  return visitor;
}

function watchRevocations(): Revocation[] {
  const seen: Revocation[] = [];
  login.keeper.onRevocation((revocation) => seen.push(revocation));
  return seen;
}

describe('a revocation by another process is seen within 1 s', () => {
  test('of a session', async () => {
    const visitor = await signedIn();
    const seen = watchRevocations();
    const [session] = await admin.listSessions();
    const beside = await openBeside();
    await beside.revokeSession({ id: session?.id ?? '' });
    login.clock.advance(1000);
    expect(seen).toEqual([{ kind: 'session', id: session?.id }]);
    expect(visitor.decide(CHAT).kind).toBe('gate');
  });

  test('of a stolen device: its cookie, sessions, tokens and live connections in one', async () => {
    const visitor = await signedIn();
    const [device] = await admin.listDevices();
    const id = device?.id ?? '';
    const { token } = await admin.makeToken({ id });
    const seen = watchRevocations();
    const beside = await openBeside();
    expect(await beside.revokeDevice({ id })).toMatchObject({ endedSessions: 1, endedTokens: 1 });
    login.clock.advance(1000);
    expect(seen.map(({ kind }) => kind).toSorted()).toEqual(['device', 'session', 'token']);
    expect(visitor.decide(CHAT).kind).toBe('gate');
    const bearer = { authorization: `Bearer ${token}` };
    expect(new TestVisitor(login).decide(CHAT, bearer)).toEqual({ kind: 'deny', status: 401 });
    const page = await visitor.open(SIGN_IN_URL);
    expect(page.kind === 'login' && page.text.includes('current-password')).toBe(false);
    expect(await admin.listDevices()).toEqual([]);
  });

  test('of everything', async () => {
    const visitors = [await signedIn(), await signedIn()];
    const seen = watchRevocations();
    expect(await (await openBeside()).revokeAllSessions()).toEqual({ endedSessions: 2 });
    login.clock.advance(1000);
    expect(seen).toHaveLength(2);
    for (const visitor of visitors) expect(visitor.decide(CHAT).kind).toBe('gate');
  });

  test('by removing the user', async () => {
    const visitor = await signedIn();
    const [device] = await admin.listDevices();
    await admin.makeToken({ id: device?.id ?? '' });
    const seen = watchRevocations();
    await (await openBeside()).removeUser({ name: 'ann' });
    login.clock.advance(1000);
    expect(seen.map(({ kind }) => kind).toSorted()).toEqual(['session', 'token']);
    expect(visitor.decide(CHAT).kind).toBe('gate');
  });
});

test('a session that another process started is known at once', async () => {
  const database = await openDatabase(join(folder, 'state.db'), STATE_MIGRATIONS);
  const second = await makeLogin({ database });
  closers.push(() => {
    second.keeper.close();
    database.close();
  });
  const visitor = new TestVisitor(second);
  await signIn(second, visitor);
  expect(login.keeper.decide(visitor.facts('GET', CHAT)).kind).toBe('allow');
});

test('a session that runs out closes its live connections', async () => {
  await signedIn();
  const seen = watchRevocations();
  login.database.prepare('UPDATE sessions SET last_seen_at = last_seen_at - ?').run(7 * 86_400_000);
  login.clock.advance(30_000);
  expect(seen).toMatchObject([{ kind: 'session' }]);
});

test('when it was last seen outlives a restart', async () => {
  const visitor = await signedIn();
  login.clock.suspend(5 * 86_400_000);
  expect(visitor.decide(CHAT).kind).toBe('allow');
  login.keeper.close();
  const [session] = await (await openBeside()).listSessions();
  expect(session?.lastSeenAtMs).toBe(login.clock.nowMs());
});

test('only hashes of secrets are stored, and no secret is in what the operator lists', async () => {
  const visitor = await signedIn();
  const [device] = await admin.listDevices();
  const { token } = await admin.makeToken({ id: device?.id ?? '' });
  const secrets = [
    PASSWORD,
    token.slice(4),
    visitor.cookie('chat.example.com', '__Host-gs') ?? '',
    visitor.cookie('chat.example.com', '__Host-gd') ?? '',
  ];
  const tables = login.database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const stored = tables.map(({ name }) => login.database.prepare(`SELECT * FROM ${String(name)}`).all());
  const listed = [
    await admin.listSessions(),
    await admin.listDevices(),
    await admin.listUsers(),
    await admin.listAudit({ limit: 100 }),
  ];
  const text = JSON.stringify([stored, listed]);
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(10);
    expect(text).not.toContain(secret);
  }
});

describe('users', () => {
  test('a name is folded, checked and unique', async () => {
    await expect(admin.addUser({ name: 'ANN', password: PASSWORD })).rejects.toMatchObject({
      code: 'AUTH_USER_EXISTS',
    });
    for (const name of ['', '-a', 'a b', 'a\nb', 'ä', 'x'.repeat(65), '../a']) {
      await expect(admin.addUser({ name, password: PASSWORD })).rejects.toMatchObject({
        code: 'AUTH_USER_NAME',
      });
    }
    expect((await admin.addUser({ name: ' Bob@Example.com ', password: PASSWORD })).name).toBe(
      'bob@example.com',
    );
  });

  test('a password has at least 12 characters', async () => {
    await expect(admin.addUser({ name: 'bob', password: 'x'.repeat(11) })).rejects.toMatchObject({
      code: 'AUTH_PASSWORD_SHORT',
    });
    await admin.addUser({ name: 'bob', password: 'x'.repeat(12) });
  });

  test('without a password four random words are made, and they work', async () => {
    const { generatedPassword } = await admin.addUser({ name: 'bob' });
    expect(generatedPassword).toMatch(/^[a-z]+(-[a-z]+){3}$/);
    const visitor = await signedIn();
    await visitor.post(SIGN_IN_URL, { user: 'bob', password: generatedPassword ?? '' });
    expect(visitor.decide(CHAT)).toMatchObject({ principal: { userName: 'bob' } });
  });

  test('a new password ends the sessions of its user and of nobody else', async () => {
    await admin.addUser({ name: 'bob', password: PASSWORD });
    const [ann, bob] = [await signedIn(), await signedIn()];
    await bob.post(SIGN_IN_URL, { user: 'bob', password: PASSWORD });
    expect(await admin.setPassword({ name: 'bob', password: 'another password' })).toMatchObject({
      endedSessions: 1,
    });
    expect(ann.decide(CHAT).kind).toBe('allow');
    expect(bob.decide(CHAT).kind).toBe('gate');
    await bob.post(SIGN_IN_URL, { user: 'bob', password: PASSWORD });
    expect(bob.decide(CHAT).kind).toBe('gate');
    await bob.post(SIGN_IN_URL, { user: 'bob', password: 'another password' });
    expect(bob.decide(CHAT).kind).toBe('allow');
  });

  test('a removed user signs in no more, and a device they used can still make tokens', async () => {
    const visitor = await signedIn();
    await admin.removeUser({ name: 'ann' });
    await visitor.post(SIGN_IN_URL, { user: 'ann', password: PASSWORD });
    expect(visitor.decide(CHAT).kind).toBe('gate');
    const [device] = await admin.listDevices();
    expect(device?.userName).toBeUndefined();
    await admin.makeToken({ id: device?.id ?? '' });
  });
});

test('what is not there is said by name', async () => {
  const expected: readonly (readonly [Promise<unknown>, string])[] = [
    [admin.setPassword({ name: 'bob' }), 'AUTH_USER_UNKNOWN'],
    [admin.removeUser({ name: 'bob' }), 'AUTH_USER_UNKNOWN'],
    [admin.revokeSession({ id: 'x' }), 'AUTH_SESSION_UNKNOWN'],
    [admin.renameDevice({ id: 'x', name: 'y' }), 'AUTH_DEVICE_UNKNOWN'],
    [admin.revokeDevice({ id: 'x' }), 'AUTH_DEVICE_UNKNOWN'],
    [admin.makeToken({ id: 'x' }), 'AUTH_DEVICE_UNKNOWN'],
    [admin.findRequest({ code: 'nonsense' }), 'AUTH_CODE_UNKNOWN'],
    [admin.rejectRequest({ code: 'AAAA-AAAA' }), 'AUTH_CODE_UNKNOWN'],
  ];
  for (const [call, code] of expected) await expect(call).rejects.toMatchObject({ code });
});

test('a device is renamed to one printable line', async () => {
  await signedIn();
  const id = (await admin.listDevices())[0]?.id ?? '';
  expect((await admin.renameDevice({ id, name: ' 我的手机 ' })).name).toBe('我的手机');
  for (const name of ['', ' ', 'a\nb', '\u001b[31mred', 'x'.repeat(65), 'a\u202eb']) {
    await expect(admin.renameDevice({ id, name })).rejects.toMatchObject({ code: 'AUTH_DEVICE_NAME' });
  }
});

describe('the audit log', () => {
  test('says who did what from where, and never what a stranger typed', async () => {
    const visitor = await signedIn();
    await visitor.post(SIGN_IN_URL, { user: 'my secret in the wrong field', password: 'x' });
    await visitor.post(`${CHAT}.postern/sign-out`, {});
    const entries = await admin.listAudit({ limit: 10 });
    expect(entries.map(({ event }) => event)).toEqual([
      'sign-out',
      'sign-in-failed',
      'sign-in',
      'device-approved',
      'user-added',
    ]);
    expect(JSON.stringify(entries)).not.toContain('wrong field');
    expect(entries[2]).toMatchObject({ userName: 'ann', address: '198.51.100.7', atMs: login.clock.nowMs() });
  });

  test('is bounded, and failures do not push the rest out', () => {
    const insert = login.database.prepare("INSERT INTO audit (at, event) VALUES (1, 'sign-in-failed')");
    for (let i = 0; i < 1500; i++) insert.run();
    login.clock.advance(30_000);
    const counts = login.database
      .prepare(
        "SELECT sum(event = 'sign-in-failed') AS failed, sum(event = 'user-added') AS added FROM audit",
      )
      .get();
    expect(counts).toMatchObject({ failed: 1000, added: 1 });
  });
});

test('strangers with wrong cookies cost no look at the disk beyond one counter', () => {
  const decide = (): string =>
    login.keeper.decide(new TestVisitor(login).facts('GET', CHAT, { cookie: `__Host-gs=${'A'.repeat(43)}` }))
      .kind;
  const startMs = performance.now();
  for (let i = 0; i < 5000; i++) expect(decide()).toBe('gate');
  expect((performance.now() - startMs) / 5000).toBeLessThan(1);
});

test('a state that can no longer be read or written ends no process and lets nobody in', async () => {
  const visitor = await signedIn();
  login.database.close();
  login.clock.advance(60_000);
  expect(visitor.decide(CHAT).kind).toBe('allow');
  const unknown = { cookie: `__Host-gs=${'A'.repeat(43)}` };
  expect(visitor.decide(CHAT, unknown).kind).toBe('gate');
  login.database.open();
});
