import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CertificateKeeper } from '../../src/daemon/certificate-keeper.ts';
import { AcmeAuthority } from '../support/acme-authority.ts';
import { AcmeHome } from '../support/acme-home.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** Months of renewals with a clock that is moved by hand. The authority is in this process: Pebble's clock cannot be moved, and it suggests no windows. */

const NAME = 'chat.example.test';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let clock: FakeClock;
let home: AcmeHome;
let authority: AcmeAuthority;
let keeper: CertificateKeeper;

async function begin(days: number, random: () => number = () => 0.5): Promise<void> {
  authority = await AcmeAuthority.make({ clock, port: home.port, days });
  keeper = home.keeper(home.settings(authority.directoryUrl, ''), { send: authority.send, random });
  keeper.start(() => home.isLinkUp);
  await settle();
}

beforeEach(async () => {
  clock = new FakeClock(Date.UTC(2026, 5, 1));
  home = await AcmeHome.start({ names: [NAME], clock });
});
afterEach(() => home.stop());

/** Lets a look come to its end; waiting between its requests takes no real time. */
async function settle(): Promise<void> {
  let isDone = false;
  const looking = keeper.look().finally(() => (isDone = true));
  while (!isDone) {
    clock.advance(250);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await looking;
}

/** Is what the edge shows valid now? */
function expectValid(): void {
  const certificate = new X509Certificate(home.certificates.find(NAME)?.cert ?? '');
  expect(certificate.validFromDate.getTime()).toBeLessThanOrEqual(clock.nowMs());
  expect(certificate.validToDate.getTime()).toBeGreaterThan(clock.nowMs());
}

/** Lets time pass in steps of an hour; the certificate in use is valid at each of them. */
async function pass(ms: number): Promise<void> {
  const endMs = clock.nowMs() + ms;
  while (clock.nowMs() < endMs) {
    clock.suspend(HOUR);
    expectValid();
    await settle();
    expectValid();
  }
}

const daysBetweenOrders = (): number[] =>
  authority.issued.slice(1).map(({ atMs }, index) => (atMs - (authority.issued[index]?.atMs ?? 0)) / DAY);

describe('without suggestions', () => {
  test.each([
    [6, 30, 2.8, 3],
    [45, 130, 29.8, 30.1],
  ])('certificates of %d days over %d days', async (life, span, least, most) => {
    await begin(life);
    await pass(span * DAY);
    expect(authority.issued.length).toBeGreaterThan(span / most);
    for (const days of daysBetweenOrders()) {
      expect(days).toBeGreaterThan(least);
      expect(days).toBeLessThan(most);
    }
    expect((await home.visit(NAME)).endsMs).toBeGreaterThan(clock.nowMs());
    expect(home.health.incidents()).toEqual([]);
  });
});

describe('the authority is away for three days', () => {
  test.each([6, 45])(
    'when a certificate of %d days becomes due: it is renewed within an hour after',
    async (life) => {
      await begin(life);
      const dueMs = keeper.status()[0]?.renewAtMs ?? 0;
      await pass(dueMs - clock.nowMs() - HOUR);
      authority.isDown = true;
      await pass(3 * DAY);
      expect(authority.issued).toHaveLength(1);
      expect(keeper.status()[0]?.lastFailure?.code).toBe('ACME_UNREACHABLE');
      // Not asked all the time: once an hour in the end.
      expect(keeper.status()[0]?.failures).toBeLessThan(90);
      authority.isDown = false;
      await pass(2 * HOUR);
      expect(authority.issued).toHaveLength(2);
      expect(keeper.status()[0]?.lastFailure).toBeUndefined();
      await pass(DAY);
      expect(home.health.incidents()).toEqual([]);
    },
  );

  test('for good: an incident comes well before the end, and is over with the renewal', async () => {
    await begin(45);
    await pass((keeper.status()[0]?.renewAtMs ?? 0) - clock.nowMs() - HOUR);
    authority.isDown = true;
    await pass(7 * DAY);
    expect(home.health.incidents()).toEqual([]);
    await pass(DAY);
    expect(home.health.incidents()).toMatchObject([{ code: 'ACME_RENEWAL_LATE', subject: NAME }]);
    expect(home.health.incidents()[0]?.title).toContain('ECONNREFUSED');
    authority.isDown = false;
    await pass(2 * HOUR);
    expect(home.health.incidents()).toEqual([]);
  });
});

describe('renewal information (RFC 9773)', () => {
  test('the window is followed, wherever it lies; each order names the certificate that it replaces', async () => {
    await begin(45, () => 0.25);
    authority.window = (startsMs) => [startsMs + 10 * DAY, startsMs + 14 * DAY];
    await pass(24 * HOUR + 35 * DAY);
    for (const days of daysBetweenOrders()) expect(days).toBeCloseTo(11, 0);
    const [first, ...later] = authority.issued;
    expect(first?.replaces).toBeUndefined();
    expect(later.length).toBeGreaterThanOrEqual(3);
    later.forEach(({ replaces }, index) => expect(replaces).toBe(authority.issued[index]?.certificateId));
  });

  test('a window that moves to now, as before a revocation, is seen within Retry-After', async () => {
    await begin(45);
    authority.window = (startsMs) => [startsMs + 30 * DAY, startsMs + 31 * DAY];
    await pass(3 * DAY);
    expect(keeper.status()[0]?.suggested?.explanation).toContain('/why');
    expect(authority.issued).toHaveLength(1);
    const movedMs = clock.nowMs();
    authority.window = (startsMs) => {
      const windowMs = startsMs < movedMs ? startsMs : startsMs + 30 * DAY;
      return [windowMs, windowMs + HOUR];
    };
    await pass(7 * HOUR);
    expect(authority.issued).toHaveLength(2);
    await pass(5 * DAY);
    expect(authority.issued).toHaveLength(2);
  });

  test('an authority that suggests now for every new certificate gets two orders a day, not one an hour', async () => {
    await begin(45);
    authority.window = (startsMs) => [startsMs, startsMs + HOUR];
    await pass(6 * DAY);
    expect(authority.issued.length).toBeGreaterThan(2);
    expect(authority.issued.length).toBeLessThan(14);
  });

  test('a window that moves away again and again never lets the certificate end', async () => {
    await begin(6);
    authority.window = () => [clock.nowMs() + 2 * DAY, clock.nowMs() + 3 * DAY];
    await pass(20 * DAY);
    expect(authority.issued.length).toBeGreaterThanOrEqual(5);
  });

  test('it is asked as often as Retry-After says, within a minute and a day', async () => {
    await begin(45);
    authority.window = (startsMs) => [startsMs + 30 * DAY, startsMs + 31 * DAY];
    await pass(25 * HOUR);
    authority.retryAfterSeconds = 3 * 3600;
    await pass(12 * HOUR);
    const before = authority.counts.get('renewal') ?? 0;
    await pass(2 * DAY);
    expect((authority.counts.get('renewal') ?? 0) - before).toBeCloseTo(16, -1);
    authority.retryAfterSeconds = 365 * 86_400;
    await pass(4 * HOUR);
    const slow = authority.counts.get('renewal') ?? 0;
    await pass(3 * DAY);
    expect((authority.counts.get('renewal') ?? 0) - slow).toBe(3);
  });

  test('a suggestion that makes no sense is none', async () => {
    await begin(45);
    authority.window = (startsMs) => [startsMs + 20 * DAY, startsMs + 10 * DAY];
    await pass(32 * DAY);
    expect(daysBetweenOrders()[0]).toBeCloseTo(30, 0);
  });
});

test('a limit is kept: nobody asks before the time that the authority named', async () => {
  await begin(45);
  await pass((keeper.status()[0]?.renewAtMs ?? 0) - clock.nowMs() - HOUR);
  authority.limitedForSeconds = 36 * 3600;
  const before = authority.counts.get('orders') ?? 0;
  await pass(2 * HOUR);
  expect(keeper.status()[0]).toMatchObject({ failures: 1, lastFailure: { code: 'ACME_RATE_LIMITED' } });
  await pass(34 * HOUR);
  expect((authority.counts.get('orders') ?? 0) - before).toBe(1);
  authority.limitedForSeconds = undefined;
  await pass(4 * HOUR);
  expect(authority.issued).toHaveLength(2);
});

test('no order goes out while nobody could sign in, or while the link is down; the first comes with both', async () => {
  home.hasLogin = false;
  home.isLinkUp = false;
  await begin(45);
  expect(keeper.status()[0]?.lastFailure?.code).toBe('ACME_LOGIN_OFF');
  home.hasLogin = true;
  clock.suspend(2 * 60_000);
  await settle();
  expect(keeper.status()[0]?.lastFailure?.code).toBe('ACME_LINK_DOWN');
  expect(authority.counts.size).toBe(0);
  expect(await home.visit(NAME).catch(() => 'refused')).toBe('refused');
  clock.advance(3 * 60_000);
  expect(home.health.incidents()).toMatchObject([{ code: 'ACME_NO_CERTIFICATE' }]);
  home.isLinkUp = true;
  keeper.wake();
  await settle();
  expect(authority.issued).toHaveLength(1);
  expect(home.health.incidents()).toEqual([]);
  expect((await home.visit(NAME)).subjectAltName).toBe(`DNS:${NAME}`);
});
