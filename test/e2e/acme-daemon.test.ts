import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CertificateStatus } from '../../src/daemon/contract.ts';
import { requestOverTls } from '../../src/platform/tls-request.ts';
import { Pebble } from '../support/pebble.ts';
import { PosternHome } from '../support/postern-home.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

/** The whole way: Pebble comes to the relay's nginx on port 443, through the link, to the edge at home. */

const NAME = 'chat.example.test';
let lab: Lab;
let home: PosternHome;
let pebble: Pebble;
let service: Server;

beforeAll(async () => {
  [lab, home] = await Promise.all([startLab({ names: [NAME] }), PosternHome.make()]);
  pebble = await Pebble.start({ tlsPort: 443, address: lab.address.relayForClient, days: 45 });
  service = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
  await home.joinLab(lab, ['unused.example.test']);
});
afterAll(async () => {
  await home?.remove();
  await Promise.all([pebble?.stop(), lab?.stop()]);
  service?.close();
});

const configure = (acme: object): Promise<void> =>
  home.configure({
    home: lab.home,
    relay: { host: lab.relay.host },
    acme: { directory: pebble.directoryUrl, ca: pebble.caFile, ...acme },
    services: [
      { name: NAME, to: `http://127.0.0.1:${(service.address() as AddressInfo).port}`, auth: 'none' },
    ],
  });

const statusOf = async (): Promise<CertificateStatus> => {
  const { stdout } = await home.run(['cert', 'status', '--json']);
  return (JSON.parse(stdout) as { certificates: [CertificateStatus] }).certificates[0];
};

/** What a visitor gets, and the fingerprint of what was shown. */
async function visit(): Promise<{ body: string; fingerprint: string }> {
  let fingerprint = '';
  const answer = await requestOverTls({
    host: lab.address.relayForClient,
    port: 443,
    serverName: NAME,
    path: '/',
    timeoutMs: 5000,
    judgeCertificate(shown) {
      fingerprint = shown.fingerprint256;
      return undefined;
    },
  });
  return { body: answer.ok ? answer.body : answer.reason, fingerprint };
}

test('nothing is asked for until somebody has agreed to the terms by hand', async () => {
  await configure({});
  const { status, stderr } = await home.run(['up']);
  expect({ status, stderr }).toMatchObject({ status: 64, stderr: expect.stringContaining('agreeTos: true') });
  expect((await home.run(['cert', 'account'])).status).toBe(64);
  expect(await readdir(join(home.root, 'certs'))).not.toContain('account.key');
});

test('the account is there for a CAA record before the daemon has run and anything was ordered', async () => {
  await configure({ agreeTos: true });
  const { status, stdout } = await home.run(['cert', 'account']);
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: expect.stringMatching(/^https:\/\/localhost:\d+\/my-account\/\w+\n$/),
  });
  const again = await home.run(['cert', 'account', '--json']);
  expect(JSON.parse(again.stdout)).toEqual({ account: stdout.trim() });
  expect((await readdir(join(home.root, 'certs'))).filter((file) => file.includes(NAME))).toEqual([]);
});

test('from no certificate to a served one through the relay, then dry run, renewal, and a restart', async () => {
  await configure({ agreeTos: true, email: 'operator@example.com' });
  const first = home.up();
  await home.isUp(first);
  await waitFor('the first certificate is there', 20_000, async () => (await statusOf()).endsAtMs);
  const before = await waitFor('it is served', 10_000, async () => {
    const seen = await visit();
    return seen.body === 'hello' ? seen : undefined;
  });
  expect(await statusOf()).toMatchObject({ name: NAME, source: 'acme', failures: 0 });

  const rehearsed = await home.run(['cert', 'renew', NAME, '--dry-run']);
  expect(rehearsed).toMatchObject({ status: 0, stdout: '' });
  expect((await visit()).fingerprint).toBe(before.fingerprint);

  const renewed = await home.run(['cert', 'renew']);
  expect(renewed.stdout).toMatch(new RegExp(`^NAME +FROM +ENDS +RENEWAL\\n${NAME} `));
  const after = await visit();
  expect(after.body).toBe('hello');
  expect(after.fingerprint).not.toBe(before.fingerprint);

  const wrong = await home.run(['cert', 'renew', 'other.example.test', '--json']);
  expect(wrong.status).toBe(64);
  expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'ACME_NAME_NOT_OURS' } });

  const second = home.up();
  await home.isUp(second);
  expect((await visit()).fingerprint).toBe(after.fingerprint);
  const { alerts } = await home.status();
  expect(alerts.map(({ code }) => code).filter((code) => code.startsWith('ACME'))).toEqual([]);
  expect(await home.logs()).not.toContain('PRIVATE KEY');
});
