import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Namespace } from '../support/namespace.ts';
import { DemoProcess, type DemoReady } from '../support/demo-process.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';

/** The demo as a person meets it: the printed URL, the sign-in, and the chat over both ways of streaming. */

const PICTURES = process.env['POSTERN_PICTURES'];

let network: Namespace;
let demo: DemoProcess;
let ready: DemoReady;
let browser: Browser;
let context: BrowserContext;
let folder: string;

beforeAll(async () => {
  folder = makeTestFolder();
  // Chromium cuts every connection when an interface of the machine comes or goes: it gets a network of its own.
  network = await Namespace.start(['--net'], ['--net'], 'ip link set lo up && echo ready && cat');
  const enter = ['nsenter', '-t', String(network.pid), '--net', '--'];
  demo = new DemoProcess({ args: ['--json'], prefix: enter });
  ready = await demo.ready();
  const executablePath = join(folder, 'chromium');
  writeFileSync(executablePath, `#!/bin/sh\nexec ${enter.join(' ')} /usr/bin/chromium "$@"\n`, {
    mode: 0o700,
  });
  browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
  context = await browser.newContext({ ignoreHTTPSErrors: true });
});

afterAll(async () => {
  await browser?.close();
  await demo?.end('SIGTERM');
  await network?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-proxy-server',
];

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `demo-${name}.png`) });
}

/** A page whose every wait ends long before the test's. */
async function openPage(): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  return page;
}

/** Errors of a page: a refused resource, a policy that forbids something, a script that breaks. */
function watchFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  return faults;
}

async function answerTo(page: Page, question: string): Promise<{ text: string; facts: string }> {
  const before = await page.locator('.facts').count();
  await page.fill('#text', question);
  await page.click('button[type=submit]');
  await page.locator('.facts').nth(before).waitFor({ timeout: 20_000 });
  const message = page.locator('.from-assistant').last();
  return {
    text: (await message.locator('p').first().textContent()) ?? '',
    facts: (await message.locator('.facts').textContent()) ?? '',
  };
}

test('the first browser signs in with the printed user and password, and lands on the chat', async () => {
  const page = await openPage();
  const faults = watchFaults(page);
  await page.goto(ready.url);
  await picture(page, 'sign-in');
  await page.fill('input[name=user]', ready.user);
  await page.fill('input[name=password]', ready.password);
  await page.click('button[type=submit]');
  await page.waitForSelector('#state[data-state=up]');
  expect(page.url()).toBe(`${ready.url}/`);
  expect(await page.textContent('.label')).toContain('Scripted responder');
  await picture(page, 'chat');
  expect(faults).toEqual([]);
  await page.close();
});

test('an answer streams in over a WebSocket, piece by piece', async () => {
  const page = await openPage();
  const faults = watchFaults(page);
  await page.goto(ready.url);
  await page.waitForSelector('#state[data-state=up]');
  const lengths = await watchGrowth(page);
  const { text, facts } = await answerTo(page, 'How does this work?');
  expect(text).toContain('one word at a time');
  expect(facts).toMatch(/^WebSocket · first word after \d+ ms · \d\d pieces$/);
  expect(new Set(await lengths()).size).toBeGreaterThan(10);
  await picture(page, 'websocket');
  expect(faults).toEqual([]);
  await page.close();
});

test('an answer streams in as server-sent events, piece by piece', async () => {
  const page = await openPage();
  const faults = watchFaults(page);
  await page.goto(ready.url);
  await page.waitForSelector('#state[data-state=up]');
  await page.check('input[value=events]');
  const lengths = await watchGrowth(page);
  const { text, facts } = await answerTo(page, 'Who am I to you?');
  expect(text).toContain('over https, to chat.localhost');
  expect(facts).toMatch(/^server-sent events · first word after \d+ ms · \d\d pieces$/);
  expect(new Set(await lengths()).size).toBeGreaterThan(10);
  expect(faults).toEqual([]);
  await page.close();
});

/** Notes how long the newest answer is each time that it changes. */
async function watchGrowth(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(`{
    globalThis.lengths = [];
    const log = document.querySelector('#log');
    new MutationObserver(() => lengths.push(log.textContent.length)).observe(log, {
      childList: true,
      subtree: true,
      characterData: true,
    });
  }`);
  return () => page.evaluate<number[]>('lengths');
}

test('fits a phone, in light and in dark', async () => {
  const state = await context.storageState();
  for (const colorScheme of ['light', 'dark'] as const) {
    const phone = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width: 360, height: 640 },
      colorScheme,
      storageState: state,
    });
    const page = await phone.newPage();
    await page.goto(ready.url);
    await page.waitForSelector('#state[data-state=up]');
    await answerTo(page, 'What can the relay see?');
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    const box = await page.locator('button[type=submit]').boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 999)).toBeLessThanOrEqual(640);
    await picture(page, `phone-${colorScheme}`);
    await phone.close();
  }
});

test('a second browser is not let in by the password: it waits for an approval', async () => {
  const stranger = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await stranger.newPage();
  await page.goto(ready.url);
  await picture(page, 'stranger');
  expect(await page.locator('input[name=password]').count()).toBe(0);
  expect(await page.locator('body').textContent()).toMatch(/[A-Z0-9]{4}-?[A-Z0-9]{4}/);
  await stranger.close();
});
