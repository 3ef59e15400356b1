import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Incident } from '../../src/daemon/contract.ts';
import { judgeStrangerAnswer } from '../../src/gateway/stranger-guard.ts';
import { Browser } from '../support/browser.ts';
import { launchChromium, visit } from '../support/chromium.ts';
import { type OpenAiStub, startOpenAiStub } from '../support/openai-stub.ts';
import {
  type ConnectResult,
  type DeviceKey,
  type Frame,
  type GatewayClient,
  connectGateway,
  makeDeviceKey,
} from '../support/openclaw-client.ts';
import { type OpenClaw, startOpenClaw } from '../support/openclaw.ts';
import { fetchHttp2, postRaw } from '../support/odd-requests.ts';
import { type Published, publish } from '../support/published.ts';
import { type Tap, startTap } from '../support/tap.ts';
import { waitFor } from '../support/wait-for.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';
import { testSettings } from './openclaw/settings.ts';

/**
 * The real OpenClaw gateway, published by the real daemon through real sshd and nginx. It is started once;
 * the tests stand in the order in which its operator would live through them.
 */

const NAME = 'chat.example.test';
const TOKEN = 'gateway-token-of-the-tests-0123456789';
/** Harmless, and answered with a result by whoever takes it. */
const INVOCATION = '{"tool":"sessions_list","args":{}}';

let model: OpenAiStub;
let gateway: OpenClaw;
/** Between edge and gateway: what reached it. */
let tap: Tap;
let published: Published;

beforeAll(async () => {
  model = await startOpenAiStub();
  gateway = await startOpenClaw({ token: TOKEN, modelUrl: model.baseUrl });
  tap = await startTap(gateway.port);
  [published] = await Promise.all([
    publish({ name: NAME, to: tap.url, kind: 'openclaw', allow: ['/v1/models'] }),
    warmUp(),
  ]);
}, 400_000);
afterAll(async () => {
  await published?.stop();
  await tap?.close();
  await gateway?.stop();
  await model?.close();
});

/** Straight to the gateway, as its owner on the same machine. */
const asOwner = (): Promise<ConnectResult> =>
  connectGateway({
    url: `ws://127.0.0.1:${gateway.port}/`,
    auth: { token: TOKEN },
    device: makeDeviceKey(),
    client: { id: 'cli', mode: 'cli' },
    scopes: ['read', 'write', 'admin', 'pairing', 'approvals', 'questions'].map(
      (scope) => `operator.${scope}`,
    ),
  });

function helloOf(result: ConnectResult): GatewayClient {
  if (result.kind !== 'hello') throw new Error(`refused: ${JSON.stringify(result)}`);
  return result.client;
}

const waitForAlert = ({ daemon }: Published, code: string): Promise<Incident> =>
  waitFor(`an alert ${code}`, 20_000, () => daemon.status().alerts.find((alert) => alert.code === code));

/** The first answer of a fresh gateway takes long; later ones do not. */
async function warmUp(): Promise<void> {
  const owner = helloOf(await asOwner());
  await owner.request('chat.send', { sessionKey: 'warm-up', message: 'hi', idempotencyKey: 'warm-1' });
  await owner.event(isChat('warm-1', 'final'));
  await owner.close();
}

/** Whoever the guard asks as is nobody (RFC 5737). */
const isOfGuard = (head: string): boolean => head.includes('X-Forwarded-For: 192.0.2.1\r\n');
const requestsOfVisitors = (): string[] => tap.heads.filter((head) => !isOfGuard(head));

describe('the guard', () => {
  test('a gateway that does not know its proxy stays shut, and the status says what to do', async () => {
    await published.becomes('shut');
    const browser = new Browser(published);
    await browser.signIn();
    const { status } = await browser.fetch('/');
    expect(status).toBeGreaterThanOrEqual(500);
    expect(requestsOfVisitors()).toEqual([]);
    const alert = await waitForAlert(published, 'GATEWAY_PROXY_UNTRUSTED');
    expect(alert.remedy).toContain('openclaw config set gateway.trustedProxies');
    expect(alert.remedy).toContain(
      `openclaw config set gateway.controlUi.allowedOrigins '["${published.origin}"]'`,
    );
  });

  test('two settings, read again while it runs, and it goes live', async () => {
    await gateway.configure(({ gateway: settings }) => {
      settings.trustedProxies = ['127.0.0.1', '::1'];
      settings.controlUi = { allowedOrigins: [published.origin] };
      settings.http = { endpoints: { chatCompletions: { enabled: true } } };
    });
    await published.becomes('open', 40_000);
    const handshake = tap.heads.find((head) => isOfGuard(head) && /^Upgrade: websocket$/m.test(head));
    expect(handshake).toMatch(/^GET \/ HTTP/);
    expect(handshake).not.toMatch(/^(cookie|authorization|origin):/im);
  });

  test('a gateway that is ready and takes no WebSocket stays shut', async () => {
    const deaf = await startTap(gateway.port, (head) => head.replace(/^upgrade:[^\r]*\r\n/gim, ''));
    const other = await publish({ name: 'other.example.test', to: deaf.url, kind: 'openclaw' });
    try {
      await other.becomes('shut');
      const alert = await waitForAlert(other, 'GATEWAY_ANSWER_UNKNOWN');
      expect(alert.title).toContain('to a WebSocket');
      expect(deaf.heads.every(isOfGuard)).toBe(true);
    } finally {
      await other.stop();
      await deaf.close();
    }
  });

  test('without the stamped headers the gateway takes the stranger for its owner, and the guard sees it', async () => {
    const unstamped = await fetch(`${gateway.url}/readyz`);
    const verdict = judgeStrangerAnswer(NAME, { status: unstamped.status, body: await unstamped.text() });
    expect(verdict).toMatchObject({ kind: 'shut', error: { code: 'GATEWAY_TRUSTS_STRANGERS' } });
  });

  test('an edge that forgot them would keep the service shut', async () => {
    const forgetful = await startTap(gateway.port, (head) =>
      head.replace(/^(x-)?forwarded[^\r]*\r\n/gim, ''),
    );
    const other = await publish({ name: 'other.example.test', to: forgetful.url, kind: 'openclaw' });
    try {
      await other.becomes('shut');
      await waitForAlert(other, 'GATEWAY_TRUSTS_STRANGERS');
      const browser = new Browser(other);
      await browser.signIn();
      expect((await browser.fetch('/')).status).toBeGreaterThanOrEqual(500);
      expect(forgetful.heads.every(isOfGuard)).toBe(true);
    } finally {
      await other.stop();
      await forgetful.close();
    }
  });
});

describe('without a session', () => {
  const PATHS = [
    '/',
    '/healthz',
    '/health',
    '/startupz',
    '/readyz',
    '/ready',
    '/chat',
    '/index.html',
    '/metrics',
    '/favicon.svg',
    '/manifest.webmanifest',
    '/sw.js',
    '/assets/x.js',
    '/control-ui-config.json',
    '/avatar/main',
    '/api/users/gateway-owner/avatar',
    '/api/channels/x',
    '/sessions/main/history',
    '/__openclaw__/a2ui/',
    '/__openclaw__/assistant-media',
    '/__openclaw__/cap/x/y',
    '/tools/invoke',
    '/v1/chat/completions',
    '/v1/models',
    '/v1/responses',
    '/hooks/wake',
    '/api/v1/admin/rpc',
    '/share/session?token=x',
    '/j/AAAAAAAAAAAAAAAAAAAAAA',
    '/__openclaw__/worker',
    '/plugins/x',
    '/ws',
  ];

  test('nothing of it is reachable, not even with its own token', async () => {
    const before = requestsOfVisitors().length;
    const stranger = new Browser(published);
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    for (const path of PATHS) {
      for (const method of ['GET', 'POST']) {
        const answer = await stranger.fetch(path, { method, headers, body: method === 'POST' ? '{}' : '' });
        expect([path, method, answer.status]).toEqual([
          path,
          method,
          expect.toBeOneOf([302, 303, 401, 403, 404, 429]),
        ]);
        expect(answer.body.toLowerCase()).not.toContain('openclaw');
      }
    }
    expect(requestsOfVisitors()).toHaveLength(before);
  });

  test('no WebSocket either', async () => {
    const before = requestsOfVisitors().length;
    for (const path of ['/', '/ws', '/__openclaw__/worker']) {
      const result = await connectGateway({
        url: `wss://${NAME}${path}`,
        socket: new Browser(published).webSocketOptions(),
        auth: { token: TOKEN },
        device: makeDeviceKey(),
      });
      expect(result).toMatchObject({
        kind: 'http',
        status: expect.toBeOneOf([401, 403, 404, 429]) as number,
      });
    }
    expect(requestsOfVisitors()).toHaveLength(before);
  });
});

describe('after sign-in', () => {
  const device: DeviceKey = makeDeviceKey();
  let browser: Browser;
  let deviceToken = '';

  const connectVisitor = (auth: { token: string } | { deviceToken: string }): Promise<ConnectResult> =>
    connectGateway({ url: `wss://${NAME}/`, socket: browser.webSocketOptions(), auth, device });

  beforeAll(async () => {
    browser = new Browser(published);
    await browser.signIn();
  });

  test('an unpaired visitor is not approved by itself, though it holds the right token', async () => {
    const result = await connectVisitor({ token: TOKEN });
    expect(result).toMatchObject({ kind: 'refused', code: 'PAIRING_REQUIRED' });
  });

  test('control: without the edge the same gateway pairs such a device silently', async () => {
    const key = makeDeviceKey();
    const url = `ws://127.0.0.1:${gateway.port}/`;
    const client = helloOf(
      await connectGateway({ url, auth: { token: TOKEN }, device: key, client: { id: 'cli', mode: 'cli' } }),
    );
    expect(client.hello['auth']).toMatchObject({ scopes: ['operator.read', 'operator.write'] });
    await client.close();
  });

  test('a client that is no browser comes in with a token of Postern, which the gateway never sees', async () => {
    const [paired] = await published.admin.listDevices();
    const { token } = await published.admin.makeToken({ id: paired?.id ?? '' });
    const result = await connectGateway({
      url: `wss://${NAME}/`,
      socket: new Browser(published).webSocketOptions({ authorization: `Bearer ${token}` }),
      auth: { token: TOKEN },
      device: makeDeviceKey(),
      client: { id: 'cli', mode: 'cli' },
    });
    expect(result).toMatchObject({ kind: 'refused', code: 'PAIRING_REQUIRED' });
    expect(tap.heads.join('\n')).not.toContain('pst_');
  });

  test('a page of another origin is refused', async () => {
    const socket = { ...browser.webSocketOptions(), origin: 'https://evil.example.test' };
    const result = await connectGateway({ url: `wss://${NAME}/`, socket, auth: { token: TOKEN }, device });
    expect(result).toMatchObject({ kind: 'http', status: 403 });
  });

  test('once it is approved at the gateway, a chat streams', async () => {
    const refused = await connectVisitor({ token: TOKEN });
    const requestId = refused.kind === 'refused' ? refused.details['requestId'] : undefined;
    const owner = helloOf(await asOwner());
    await owner.request('device.pair.approve', { requestId });
    await owner.close();

    const visitor = helloOf(await connectVisitor({ token: TOKEN }));
    deviceToken = (visitor.hello['auth'] as { deviceToken: string }).deviceToken;
    model.say(['one', 'two', 'three', 'four', 'five', 'six'], { paceMs: 250 });
    await visitor.request('chat.send', { sessionKey: 'main', message: 'count', idempotencyKey: 'stream-1' });
    const final = await visitor.event(isChat('stream-1', 'final'));
    expect(textOf(final)).toBe('one two three four five six');
    const deltas = visitor.events('chat').filter(isChat('stream-1', 'delta'));
    expect(deltas.length).toBeGreaterThan(1);
    await visitor.close();
  });

  test('a link that is cut in mid-answer loses nothing and doubles nothing', async () => {
    const words = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'];
    const send = { sessionKey: 'main', message: 'greek', idempotencyKey: 'cut-1' };
    model.say(words, { pauseAt: 3 });
    const callsBefore = model.calls();
    const before = helloOf(await connectVisitor({ deviceToken }));
    await before.request('chat.send', send);
    await model.paused();
    await before.event((frame) => isChat('cut-1', 'delta')(frame) && textOf(frame).includes('gamma'));

    await published.cutLink();
    expect(await before.closed).toBe(1006);

    const after = helloOf(await connectVisitor({ deviceToken }));
    expect(await after.request('chat.send', send)).toMatchObject({ runId: 'cut-1', status: 'in_flight' });
    const history = await after.request('chat.history', { sessionKey: 'main', limit: 50 });
    expect(history['inFlightRun']).toMatchObject({ runId: 'cut-1', text: 'alpha beta gamma' });
    model.resume();
    expect(textOf(await after.event(isChat('cut-1', 'final')))).toBe(words.join(' '));
    expect(await after.request('chat.send', send)).toMatchObject({ runId: 'cut-1', status: 'ok' });

    const { messages } = await after.request('chat.history', { sessionKey: 'main', limit: 50 });
    const lines = (messages as Message[]).map((message) => `${message.role}: ${messageText(message)}`);
    expect(lines.filter((line) => line.includes('greek'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('alpha'))).toEqual([`assistant: ${words.join(' ')}`]);
    expect(model.calls() - callsBefore).toBe(1);
    await after.close();
  });

  test('the gateway sees the visitor’s own address, and nothing of the edge’s login', () => {
    const own = `x-forwarded-for: ${published.lab.address.clients[0]}`;
    const heads = requestsOfVisitors();
    expect(heads.length).toBeGreaterThan(3);
    for (const head of heads) {
      expect(head.toLowerCase().match(/^x-forwarded-for: .*$/gm)).toEqual([own]);
      expect(head).not.toMatch(/^cookie:.*__host-/im);
      for (const [, value] of browser.cookies()) expect(head).not.toContain(value);
    }
  });
});

interface Message {
  readonly role: string;
  readonly content: string | { readonly type: string; readonly text?: string }[];
}

function messageText({ content }: Message): string {
  return typeof content === 'string'
    ? content
    : content
        .map(({ text }) => text ?? '')
        .join('')
        .trim();
}

const isChat =
  (runId: string, state: string) =>
  (frame: Frame): boolean =>
    frame.event === 'chat' && frame.payload?.['runId'] === runId && frame.payload['state'] === state;

const textOf = (frame: Frame): string => messageText(frame.payload?.['message'] as Message);

describe('paths where the shared token is everything', () => {
  /** `accepted`: what the gateway itself takes for the path, measured, so that a change of its router shows. */
  const { accepted: ACCEPTED, others: OTHERS } = JSON.parse(
    readFileSync(new URL('../golden/openclaw/spellings.json', import.meta.url), 'utf8'),
  ) as { accepted: string[]; others: string[] };
  let cookie = '';

  beforeAll(async () => {
    const browser = new Browser(published);
    await browser.signIn();
    cookie = browser
      .cookies()
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
  });

  const headers = (): Record<string, string> => ({
    Cookie: cookie,
    Origin: `https://${NAME}`,
    Authorization: `Bearer ${TOKEN}`,
  });
  const wire = (protocol: 'h2' | 'http/1.1'): TLSSocket =>
    connectTls({
      host: published.address,
      port: 443,
      servername: NAME,
      ca: published.ca,
      ALPNProtocols: [protocol],
    });
  const sendRaw = (target: string): Promise<string> =>
    postRaw({ socket: wire('http/1.1'), host: NAME, target, headers: headers(), body: INVOCATION });

  test.each([...ACCEPTED, ...OTHERS])('POST %s never reaches the gateway', async (target) => {
    const before = requestsOfVisitors().length;
    const answer = await sendRaw(target);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(requestsOfVisitors()).toHaveLength(before);
  });

  test('control: the same session reaches other paths, with Authorization untouched', async () => {
    const answer = await sendRaw('/control-ui-config.json');
    expect(answer).not.toMatch(/^HTTP\/1\.1 401 /);
    const head = requestsOfVisitors().at(-1);
    expect(head).toMatch(/^POST \/control-ui-config.json /);
    expect(head).toContain(`Bearer ${TOKEN}`);
  });

  test('a path that the operator allows is open, in that spelling alone', async () => {
    const browser = new Browser(published);
    await browser.signIn();
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await browser.fetch('/v1/models', { headers });
    expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('"openclaw"') as string });
    expect((await browser.fetch('/v1/%6dodels', { headers })).status).toBe(403);
  });

  test.each(ACCEPTED)('control: without the edge the gateway itself takes %s', async (target) => {
    const socket = connect({ host: '127.0.0.1', port: gateway.port });
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const answer = await postRaw({ socket, host: NAME, target, headers, body: INVOCATION });
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*"ok":true/s);
  });

  test.each([...ACCEPTED, 'tools/invoke', '', '*', `https://${NAME}/tools/invoke`])(
    'HTTP/2 :path %s neither',
    async (path) => {
      const before = requestsOfVisitors().length;
      expect(await fetchHttp2(wire('h2'), NAME, { ':path': path, cookie })).not.toBe(200);
      expect(requestsOfVisitors()).toHaveLength(before);
    },
  );

  test('control: HTTP/2 reaches the gateway with a plain path', async () => {
    expect(await fetchHttp2(wire('h2'), NAME, { ':path': '/chat', cookie })).toBe(200);
    expect(requestsOfVisitors().at(-1)).toMatch(/^GET \/chat /);
  });
});

describe('the gateway’s own page in a browser', () => {
  let chromium: BrowserContext;
  let profile: string;

  beforeAll(async () => {
    profile = makeTestFolder('postern-chromium-');
    chromium = await launchChromium(profile, NAME, published.address);
  });
  afterAll(async () => {
    await chromium?.close();
    await rm(profile, { recursive: true, force: true });
  });

  test('loads and connects through the public name, and chats', async () => {
    const page = chromium.pages()[0] ?? (await chromium.newPage());
    await visit(page, published.origin);
    const code = await page.locator('#code').innerText();
    const { comparison } = await published.admin.findRequest({ code });
    await published.admin.approveRequest({ code, comparison });
    await page.locator('#password').waitFor();
    await page.locator('#user').fill(published.user);
    await page.locator('#password').fill(published.password);
    await page.locator('button[type=submit]').click();
    await page.waitForURL(`${published.origin}/**`);

    // A new document: from `/` to `/#…` alone the page would not start again.
    await visit(page, 'about:blank');
    await visit(page, `${published.origin}/#token=${TOKEN}`);
    await approvePending('openclaw-control-ui');
    const message = page.getByPlaceholder(/^Message /);
    await message.waitFor({ timeout: 60_000 });
    await page.getByText('Connected', { exact: true }).first().waitFor({ state: 'attached' });

    model.say(['Hello', 'from', 'behind', 'the', 'gate']);
    await message.fill('Who is there?');
    await message.press('Enter');
    await page.getByText('Hello from behind the gate').first().waitFor({ timeout: 60_000 });
    const folder = process.env['POSTERN_SCREENSHOTS'];
    if (folder !== undefined) await page.screenshot({ path: join(folder, 'openclaw.png') });
  }, 200_000);

  /** Approves the pairing request of that kind of client as soon as it is there. */
  async function approvePending(clientId: string): Promise<void> {
    const owner = helloOf(await asOwner());
    const requestId = await waitFor('a pairing request', 15_000, async () => {
      const { pending } = await owner.request('device.pair.list');
      return (pending as { requestId: string; clientId: string }[]).find((one) => one.clientId === clientId)
        ?.requestId;
    });
    await owner.request('device.pair.approve', { requestId });
    await owner.close();
  }
});

describe('its settings, changed by Postern while it runs', () => {
  testSettings(() => gateway);
});
