import { X509Certificate } from 'node:crypto';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openAcmeAccount } from '../../src/daemon/certificate-account.ts';
import { dnsSolver } from '../../src/edge/tls/acme/solvers.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type HttpsRequest, requestHttps } from '../../src/platform/https-request.ts';
import { AcmeHome, type Shown } from '../support/acme-home.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { Pebble } from '../support/pebble.ts';
import { waitFor } from '../support/wait-for.ts';

/** Against Pebble, which refuses 40 % of the good nonces here and comes to the edge as Let's Encrypt would. */

const NAME = 'chat.example.test';
const DAY = 24 * 3_600_000;

let port = 0;
let pebble: Pebble;
let home: AcmeHome;

beforeAll(async () => {
  home = await AcmeHome.start({ names: [NAME] });
  ({ port } = home);
  await home.stop();
  pebble = await Pebble.start({ tlsPort: port, days: 6, nonceRejectPercent: 40 });
});
afterAll(() => pebble?.stop());
beforeEach(async () => {
  home = await AcmeHome.start({ names: [NAME], port });
});
afterEach(() => home.stop());

const settings = (of: AcmeHome = home) => of.settings(pebble.directoryUrl, pebble.ca);
const isRefused = (visit: Promise<unknown>): Promise<boolean> =>
  visit.then(
    () => false,
    () => true,
  );
const certsOf = (of: AcmeHome): Promise<string[]> => readdir(join(of.folder, 'certs'));

test('a name without a certificate refuses handshakes; then one is issued, served at once, and trusted', async () => {
  expect(await isRefused(home.visit(NAME))).toBe(true);
  const keeper = home.keeper(settings());
  keeper.start(() => true);
  await keeper.look();
  const shown = await home.visit(NAME, { ca: await pebble.root() });
  expect(shown).toMatchObject({ subjectAltName: `DNS:${NAME}`, protocol: 'http/1.1' });
  expect(shown.endsMs - shown.startsMs).toBeGreaterThan(5.9 * DAY);
  expect(keeper.status()).toMatchObject([{ source: 'acme', endsAtMs: shown.endsMs, failures: 0 }]);
  // Nothing but the account and the certificate is left, for this user alone.
  expect((await certsOf(home)).toSorted()).toEqual(['account.key', 'accounts.json', `${NAME}.pem`]);
  for (const file of await certsOf(home)) {
    expect((await stat(join(home.folder, 'certs', file))).mode & 0o777).toBe(0o600);
  }
});

const lookAround = (): Promise<unknown[]> =>
  Promise.all([
    home.visit(NAME, { alpn: ['acme-tls/1'] }),
    home.visit(NAME, { alpn: ['acme-tls/1', 'http/1.1'] }),
    home.visit(NAME),
    isRefused(home.visit('other.example.test', { alpn: ['acme-tls/1'] })),
  ]);

test('only who offers acme-tls/1 and nothing else, for a name with a pending challenge, sees its certificate', async () => {
  const first = home.keeper(settings());
  first.start(() => true);
  await first.look();
  const live = await home.visit(NAME);
  let looks: Promise<unknown[]> | undefined;
  const keeper = home.keeper(settings(), {
    async send(request) {
      // From the answer to the challenge on, Pebble may come at any time.
      if (request.url.includes('/chalZ/') && !looks) await (looks = lookAround());
      return requestHttps(request);
    },
  });
  keeper.start(() => true);
  await keeper.renew(NAME, false);
  const [challenge, mixed, plain, isOtherRefused] = (await looks) ?? [];
  expect(challenge).toMatchObject({ protocol: 'acme-tls/1', subjectAltName: `DNS:${NAME}` });
  expect((challenge as Shown).serialNumber).not.toBe(live.serialNumber);
  expect([mixed, plain]).toEqual([live, live]);
  expect(isOtherRefused).toBe(true);
  // Once it has been answered, nobody sees it any more.
  expect(await isRefused(home.visit(NAME, { alpn: ['acme-tls/1'] }))).toBe(true);
  expect((await home.visit(NAME)).serialNumber).not.toBe(live.serialNumber);
});

test('visitors during a renewal are never without a valid certificate', async () => {
  const keeper = home.keeper(settings());
  keeper.start(() => true);
  await keeper.look();
  const root = await pebble.root();
  let isRunning = true;
  const shown: string[] = [];
  const visitors = (async () => {
    while (isRunning) shown.push((await home.visit(NAME, { ca: root })).serialNumber);
  })();
  for (let count = 0; count < 3; count++) await keeper.renew(undefined, false);
  shown.push((await home.visit(NAME, { ca: root })).serialNumber);
  isRunning = false;
  await visitors;
  expect(new Set(shown).size).toBeGreaterThanOrEqual(3);
});

test('with a moved clock: a certificate of six days is renewed after three, and the old one serves until then', async () => {
  const clock = new FakeClock(Date.now());
  const keeper = home.keeper(settings(), { clock, send: requestHttps });
  const drive = async (): Promise<void> => {
    let isDone = false;
    const looking = keeper.look().finally(() => (isDone = true));
    while (!isDone) {
      clock.advance(250);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await looking;
  };
  keeper.start(() => true);
  await drive();
  const first = await home.visit(NAME);
  clock.suspend(2.5 * DAY);
  await drive();
  expect((await home.visit(NAME)).serialNumber).toBe(first.serialNumber);
  clock.suspend(DAY);
  await drive();
  const second = await home.visit(NAME, { ca: await pebble.root() });
  expect(second.serialNumber).not.toBe(first.serialNumber);
  expect(first.endsMs).toBeGreaterThan(clock.nowMs());
});

const untilAborted = ({ signal }: HttpsRequest): Promise<never> =>
  new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('ended')), { once: true });
  });

test.each([
  ['before the name is proven', '/authZ/'],
  ['before it is finalized', '/finalize-order/'],
  ['before the certificate is fetched', '/certZ/'],
])('killed %s, the next start goes on with the same order', async (_when, part) => {
  const orders: string[] = [];
  const send = (request: HttpsRequest) => {
    if (request.url.endsWith('/order-plz')) orders.push(request.url);
    return requestHttps(request);
  };
  let isAtPart = false;
  const dying = home.keeper(settings(), {
    // As after kill -9: from here on nothing is sent and nothing is written.
    send(request) {
      isAtPart ||= request.url.includes(part);
      return isAtPart ? untilAborted(request) : send(request);
    },
  });
  dying.start(() => true);
  void dying.look();
  await waitFor('it is at that point', 10_000, () => isAtPart);
  const begun = orders.length;
  const again = home.keeper(settings(), { send });
  again.start(() => true);
  await again.look();
  expect(orders.length).toBe(begun);
  await expect(home.visit(NAME, { ca: await pebble.root() })).resolves.toBeTruthy();
  expect(await certsOf(home)).not.toContain(`${NAME}.order.json`);
});

test('killed after the certificate was put in place, before the order was forgotten: the next renewal is a new order', async () => {
  const file = join(home.folder, 'certs', `${NAME}.order.json`);
  let memo = '';
  const recording = home.keeper(settings(), {
    async send(request) {
      if (request.url.includes('/certZ/')) memo = await readFile(file, 'utf8');
      return requestHttps(request);
    },
  });
  recording.start(() => true);
  await recording.renew(NAME, false);
  const before = await home.visit(NAME);
  await writeFile(file, memo, { mode: 0o600 });
  await recording.renew(NAME, false);
  expect((await home.visit(NAME)).serialNumber).not.toBe(before.serialNumber);
});

test('a dry run proves the name and leaves nothing behind; one that fails says why', async () => {
  const keeper = home.keeper(settings());
  keeper.start(() => true);
  await keeper.look();
  const before = await home.visit(NAME);
  await keeper.renew(NAME, true);
  expect((await home.visit(NAME)).serialNumber).toBe(before.serialNumber);
  expect(await certsOf(home)).not.toContain(`${NAME}.order.json`);
  const blind = home.keeper(settings(), {
    solver: { type: 'tls-alpn-01', present: () => Promise.resolve(), withdraw: () => Promise.resolve() },
  });
  blind.start(() => true);
  await expect(blind.renew(NAME, true)).rejects.toMatchObject({ code: 'ACME_NOT_PROVEN' });
  await expect(keeper.renew('other.example.test', true)).rejects.toMatchObject({
    code: 'ACME_NAME_NOT_OURS',
  });
});

test('an authority that has forgotten the account gets it once more, and the certificate in use goes on meanwhile', async () => {
  const keeper = home.keeper(settings());
  keeper.start(() => true);
  await keeper.look();
  const before = await home.visit(NAME);
  await pebble.restart(async () => {
    await expect(keeper.renew(NAME, false)).rejects.toMatchObject({ code: 'ACME_UNREACHABLE' });
    expect((await home.visit(NAME)).serialNumber).toBe(before.serialNumber);
  });
  await keeper.renew(NAME, false);
  expect((await home.visit(NAME, { ca: await pebble.root() })).serialNumber).not.toBe(before.serialNumber);
});

test('the account’s URL is there before any order, and stays the same', async () => {
  const urls: string[] = [];
  const open = () =>
    openAcmeAccount({
      settings: settings(),
      clock: systemClock,
      send: (request) => {
        urls.push(request.url);
        return requestHttps(request);
      },
    });
  const url = await (await open()).url();
  expect(url).toMatch(/^https:\/\/localhost:\d+\/my-account\/\w+$/);
  const asked = urls.length;
  expect(await (await open()).url()).toBe(url);
  expect(urls.length).toBe(asked);
  expect(urls.some((one) => one.includes('order'))).toBe(false);
});

test('DNS-01: the record is there while the authority looks, and gone afterwards', async () => {
  const names: string[] = [];
  const solver = dnsSolver({
    async publishTxt(name, value) {
      names.push(`+${name}`);
      await pebble.publishTxt(name, value);
    },
    async removeTxt(name) {
      names.push(`-${name}`);
      await pebble.removeTxt(name);
    },
  });
  const keeper = home.keeper(settings(), { solver });
  // A record can be made while the link is down.
  keeper.start(() => false);
  await keeper.look();
  expect(names).toEqual([`+_acme-challenge.${NAME}`, `-_acme-challenge.${NAME}`]);
  await expect(home.visit(NAME, { ca: await pebble.root() })).resolves.toBeTruthy();
});

test('key and chain lie in one file, and the key was made at home: no request holds it', async () => {
  const sent: string[] = [];
  const keeper = home.keeper(settings(), {
    send: (request) => {
      sent.push(JSON.stringify(request));
      return requestHttps(request);
    },
  });
  keeper.start(() => true);
  await keeper.look();
  const pem = await readFile(join(home.folder, 'certs', `${NAME}.pem`), 'utf8');
  expect(pem.match(/BEGIN [A-Z ]+/g)).toEqual([
    'BEGIN PRIVATE KEY',
    'BEGIN CERTIFICATE',
    'BEGIN CERTIFICATE',
  ]);
  expect(new X509Certificate(home.certificates.find(NAME)?.cert ?? '').subjectAltName).toBe(`DNS:${NAME}`);
  expect(home.certificates.find(NAME)?.cert).not.toContain('PRIVATE');
  const account = await readFile(join(home.folder, 'certs', 'account.key'), 'utf8');
  for (const key of [pem, account]) {
    const secret = /KEY-----\n([^\n]+)/.exec(key)?.[1] ?? 'none';
    expect(secret.length).toBeGreaterThan(40);
    expect(sent.some((text) => text.includes(secret))).toBe(false);
    expect(JSON.stringify(home.log.lines)).not.toContain(secret);
  }
});
