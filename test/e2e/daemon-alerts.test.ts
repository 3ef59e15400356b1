import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayStandIn } from '../support/gateway-stand-in.ts';
import { PosternHome, type RunningUp } from '../support/postern-home.ts';
import { waitFor } from '../support/wait-for.ts';

const NAME = 'chat.example.test';
const CANARY = 'c4n4ry9f8e7d6c5b4a';
const WRITE_LINE = `require('node:fs').appendFileSync(process.argv[1], JSON.stringify({
  state: process.env.POSTERN_ALERT_STATE, code: process.env.POSTERN_ALERT_CODE, service: process.env.POSTERN_ALERT_SERVICE,
  title: process.env.POSTERN_ALERT_TITLE, args: process.argv.slice(2) }) + '\\n')`;

let home: PosternHome;
const gateway = new GatewayStandIn();
let running: RunningUp;

const program = (): string => join(home.root, 'alerts.jsonl');

async function told(): Promise<
  { state: string; code: string; service: string; title: string; args: string[] }[]
> {
  const text = await readFile(program(), 'utf8').catch(() => '');
  return text
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as never);
}

beforeAll(async () => {
  home = await PosternHome.make();
  gateway.trustsStrangers = true;
  const to = await gateway.start();
  await home.configure({
    home: 'x',
    // Nobody listens there: the link stays down.
    relay: { host: '127.0.0.1', port: 1, httpsPort: 1, hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ' },
    services: [
      {
        name: NAME,
        to,
        kind: 'openclaw',
        tls: 'relay',
      },
    ],
    dns: { provider: 'cloudflare', token: `${CANARY}-dns` },
    gateway: { token: 'env:GATEWAY_TOKEN' },
    alerts: { exec: [process.execPath, '-e', WRITE_LINE, program(), 'an argument', '$(id)'] },
  });
  const added = await home.run(['users', 'add', 'ann', '--password-stdin'], {}, `${CANARY}-password\n`);
  expect(added.status).toBe(0);
  running = home.up(['--verbose'], { GATEWAY_TOKEN: `${CANARY}-env` });
});

afterAll(async () => {
  await home?.remove();
  gateway.stop();
});

test('each incident runs alerts.exec once, and once more when it is over; status names code, since and remedy', async () => {
  const codes = async (): Promise<string[]> => (await told()).map(({ state, code }) => `${state} ${code}`);
  await waitFor('the guard has shut the service', 10_000, async () => (await told()).length === 1);
  await waitFor('the link is an incident', 20_000, async () => (await told()).length === 2);
  expect(await codes()).toEqual(['started GATEWAY_TRUSTS_STRANGERS', 'started LINK_DOWN']);
  const status = await home.status();
  expect(status.alerts).toMatchObject([
    {
      code: 'GATEWAY_TRUSTS_STRANGERS',
      subject: NAME,
      remedy: expect.any(String),
      sinceMs: expect.any(Number),
    },
    { code: 'LINK_DOWN', subject: '', remedy: expect.stringContaining('postern status') },
  ]);
  expect(status.services).toMatchObject([{ isOpen: false, isReachable: false }]);
  const shown = await home.run(['status']);
  expect(shown.stdout).toMatch(/LINK_DOWN for \d+ s/);
  expect(shown.stdout).toContain('A compromised relay can read and alter live traffic');
  expect(shown.stdout.split('\n').filter((line) => line.length > 80 && !line.startsWith('https://'))).toEqual(
    [],
  );
  gateway.trustsStrangers = false;
  await waitFor('the service is open again', 25_000, async () => (await told()).length === 3);
  expect((await codes()).at(-1)).toBe('over GATEWAY_TRUSTS_STRANGERS');
  expect((await told())[0]).toMatchObject({ service: NAME, args: ['an argument', '$(id)'] });
  expect((await home.status()).services).toMatchObject([{ isOpen: true }]);
  const log = await home.run(['logs', '--json', '-n', '1000']);
  const alerts = log.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { alert?: string; code?: string })
    .filter(({ alert }) => alert !== undefined);
  expect(alerts.map(({ alert, code }) => `${alert} ${code}`)).toEqual(await codes());
});

test('no secret is in any log or on any screen', async () => {
  const { address } = JSON.parse(await readFile(join(home.root, 'run/control.json'), 'utf8')) as {
    address: string;
  };
  const { token } = JSON.parse(await readFile(join(home.root, 'run/control.json'), 'utf8')) as {
    token: string;
  };
  await new Promise<void>((resolve) => {
    const headers = {
      host: 'evil.example',
      authorization: `Bearer ${CANARY}-bearer`,
      cookie: `x=${CANARY}-cookie`,
    };
    request({ socketPath: address, path: `/v1/status?${CANARY}-query`, headers }, (answer) => {
      answer.resume().on('end', resolve);
    }).end();
  });
  await waitFor('the refusal is logged', 5000, async () =>
    (await home.logs()).includes('a control request was refused'),
  );
  const said = [
    await home.logs(),
    running.printed(),
    ...Object.values(await home.run(['status', '--json'])),
  ].join('\n');
  expect(said).not.toContain(CANARY);
  expect(said).not.toContain(token);
});
