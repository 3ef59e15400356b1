import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeKeyPem } from '../../src/edge/tls/acme/account-key.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { AcmeAuthority } from '../support/acme-authority.ts';
import { AcmeHome } from '../support/acme-home.ts';

/** What lies in `certs/` may have been damaged or changed by others; the authority is in this process. */

const NAME = 'chat.example.test';
let home: AcmeHome;
let authority: AcmeAuthority;

beforeEach(async () => {
  home = await AcmeHome.start({ names: [NAME] });
  authority = await AcmeAuthority.make({ clock: systemClock, port: home.port, days: 90 });
});
afterEach(() => home.stop());

const fileOf = (name: string): string => join(home.folder, 'certs', name);

async function renew(): Promise<void> {
  const keeper = home.keeper(home.settings(authority.directoryUrl, ''), { send: authority.send });
  keeper.start(() => true);
  await keeper.renew(NAME, false);
}

test.each([
  ['cut off', (text: string) => text.slice(0, text.length / 2)],
  ['of nothing', () => ''],
  ['of somebody else', () => '{"directoryUrl":1,"orderUrl":[],"key":null}'],
  ['with a key that is none', (text: string) => text.replace(/KEY-----[^"]*/, 'KEY-----\\n')],
  ['of an order that is unknown', (text: string) => text.replace(/order\/\d+/, 'order/999')],
])('a remembered order %s is no hindrance', async (_what, damage) => {
  const memo = JSON.stringify({
    directoryUrl: authority.directoryUrl,
    orderUrl: 'https://authority.example/order/1',
    key: makeKeyPem(),
  });
  await writeFile(fileOf(`${NAME}.order.json`), damage(memo), { mode: 0o600 });
  await renew();
  expect((await home.visit(NAME)).subjectAltName).toBe(`DNS:${NAME}`);
});

test('a certificate file that was damaged leaves the one in use, and the next order mends it', async () => {
  await renew();
  const before = await home.visit(NAME);
  await writeFile(fileOf(`${NAME}.pem`), 'damaged');
  await home.certificates.refresh();
  expect((await home.visit(NAME)).serialNumber).toBe(before.serialNumber);
  await renew();
  expect((await home.visit(NAME)).serialNumber).not.toBe(before.serialNumber);
  expect(await readFile(fileOf(`${NAME}.pem`), 'utf8')).toContain('BEGIN CERTIFICATE');
});

test('an account key that others may read is not used, and nothing is asked for', async () => {
  await renew();
  await chmod(fileOf('account.key'), 0o644);
  const before = authority.issued.length;
  await expect(renew()).rejects.toMatchObject({ code: 'ACME_FILE_UNUSABLE' });
  expect(authority.issued).toHaveLength(before);
});

test('a memory of accounts that was damaged costs a request, not the account', async () => {
  await renew();
  await writeFile(fileOf('accounts.json'), '{"x": 5');
  await renew();
  const known = JSON.parse(await readFile(fileOf('accounts.json'), 'utf8')) as Record<string, string>;
  expect(Object.values(known)).toEqual([expect.stringMatching(/^https:\/\/authority\.example\/account\//)]);
});

test('a certificate that has ended when it comes is refused, and the one in use goes on', async () => {
  await renew();
  const before = await home.visit(NAME);
  authority.days = 0;
  await expect(renew()).rejects.toMatchObject({ code: 'ACME_CERTIFICATE_UNUSABLE' });
  expect((await home.visit(NAME)).serialNumber).toBe(before.serialNumber);
  authority.days = 90;
  await renew();
  expect((await home.visit(NAME)).serialNumber).not.toBe(before.serialNumber);
});
