import { X509Certificate } from 'node:crypto';
import { chmod, copyFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { must } from '../../test/support/namespace.ts';
import { silentLog } from '../core/log.ts';
import { runProcess } from '../platform/processes.ts';
import { openCertificateFiles } from './certificates.ts';
import { HealthTracker } from './health/tracker.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

const NAME = 'chat.example.com';
let pairs = '';
let folder = '';

async function makePair(label: string, name: string, days: number): Promise<void> {
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'.split(' ');
  const files = ['-keyout', join(pairs, `${label}.key`), '-out', join(pairs, `${label}.pem`)];
  const subject = ['-days', String(days), '-subj', '/CN=x', '-addext', `subjectAltName=DNS:${name}`];
  await must(runProcess('openssl', [...request, ...subject, ...files]));
}

beforeAll(async () => {
  pairs = makeTestFolder('postern-pairs-');
  await Promise.all([
    makePair('a', NAME, 90),
    makePair('b', NAME, 90),
    makePair('short', NAME, 5),
    makePair('other', 'other.example.com', 90),
  ]);
  return () => rm(pairs, { recursive: true, force: true });
});
beforeEach(async () => {
  folder = makeTestFolder('postern-certs-');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function place(cert: string, key = cert): Promise<void> {
  await copyFile(join(pairs, `${cert}.pem`), join(folder, 'cert.pem'));
  await copyFile(join(pairs, `${key}.key`), join(folder, 'key.pem'));
  await chmod(join(folder, 'key.pem'), 0o600);
}

function open() {
  // The certificates are of now, so the clock has to be too.
  const clock = new FakeClock(Date.now());
  const health = new HealthTracker(clock);
  const sources = [{ name: NAME, certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }];
  return { clock, health, opening: openCertificateFiles({ sources, clock, log: silentLog, health }) };
}

const shown = async (label: string): Promise<X509Certificate> =>
  new X509Certificate(await import('node:fs').then((fs) => fs.readFileSync(join(pairs, `${label}.pem`))));

test('a new certificate is used without a restart; the one before it still counts as ours', async () => {
  await place('a');
  const { clock, health, opening } = open();
  const store = await opening;
  const changed: string[] = [];
  store.onChange((name) => changed.push(name));
  const first = store.find(NAME);
  await place('b');
  await store.refresh();
  expect(changed).toEqual([NAME]);
  expect(store.find(NAME)?.cert).not.toBe(first?.cert);
  expect(store.isOurs(NAME, await shown('a'))).toBe(true);
  expect(store.isOurs(NAME, await shown('b'))).toBe(true);
  expect(store.isOurs(NAME, await shown('other'))).toBe(false);
  expect(store.find('other.example.com')).toBeUndefined();
  clock.advance(60_000);
  expect(health.incidents()).toEqual([]);
  store.stop();
});

test('files that cannot be used leave the certificate that is in use, and are an incident', async () => {
  await place('a');
  const { clock, health, opening } = open();
  const store = await opening;
  const inUse = store.find(NAME);
  for (const spoil of [
    () => place('a', 'b'),
    () => place('other'),
    () => rm(join(folder, 'key.pem')),
    () => writeFile(join(folder, 'cert.pem'), 'nonsense'),
  ]) {
    await place('a');
    await spoil();
    await store.refresh();
    clock.advance(1000);
    await store.refresh();
    expect(store.find(NAME)).toBe(inUse);
  }
  clock.advance(5000);
  await store.refresh();
  expect(health.incidents()).toMatchObject([{ code: 'CERTIFICATE_UNREADABLE', subject: NAME }]);
  await place('a');
  await store.refresh();
  clock.advance(1000);
  expect(health.incidents()).toEqual([]);
  store.stop();
});

test('at the start unusable files are an error', async () => {
  await expect(open().opening).rejects.toMatchObject({ code: 'CERTIFICATE_UNREADABLE' });
  await place('a');
  await chmod(join(folder, 'key.pem'), 0o644);
  await expect(open().opening).rejects.toThrow('others may read the key');
});

test("certbot's links are followed", async () => {
  await place('a');
  await copyFile(join(folder, 'cert.pem'), join(folder, 'real.pem'));
  await rm(join(folder, 'cert.pem'));
  await symlink(join(folder, 'real.pem'), join(folder, 'cert.pem'));
  const store = await open().opening;
  expect(store.find(NAME)).toBeDefined();
  store.stop();
});

test('an end that is near is an incident', async () => {
  await place('short');
  const { health, opening } = open();
  const store = await opening;
  expect(health.incidents()).toMatchObject([{ code: 'CERTIFICATE_EXPIRES', subject: NAME }]);
  store.stop();
});
