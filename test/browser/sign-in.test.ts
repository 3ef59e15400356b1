import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LoginHome } from '../support/login-home.ts';
import { PASSWORD } from '../support/login.ts';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const;
const ARGUMENTS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --no-proxy-server';

let browser: Browser;
let home: LoginHome;
let gated: LoginHome;
const trouble: string[] = [];

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS.split(' ') });
  home = await LoginHome.start();
  gated = await LoginHome.start({
    gate: 'gate.localhost',
    services: [
      { name: 'chat.localhost', access: 'login', pairing: 'required' },
      { name: 'files.localhost', access: 'login', pairing: 'required' },
    ],
  });
  for (const { service } of [home, gated]) {
    service.onRequest = () =>
      'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 31\r\n\r\n<!doctype html><h1>Service</h1>';
  }
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  for (const one of [home, gated]) {
    for (const { code } of await one.keeper.admin.listRequests()) await one.approve(code);
  }
  expect(trouble.splice(0)).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await home?.stop();
  await gated?.stop();
});

/** A page that notes every complaint of the browser: a blocked style, a refused form. */
async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...PHONE, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('requestfailed', (request) => {
    // The poll of a page that is left in the meantime.
    const reason = request.failure()?.errorText ?? '';
    if (!/ERR_ABORTED|ERR_BLOCKED/.test(reason)) trouble.push(`${reason} ${request.url()}`);
  });
  page.on('console', (message) => {
    if (/Content Security Policy|Refused/.test(message.text())) trouble.push(message.text());
  });
  return page;
}

/** Pairs without waiting for the page to ask again by itself. */
async function pair(page: Page, at: LoginHome, url: string): Promise<void> {
  await page.goto(url);
  await at.approve(await page.locator('#code').innerText());
  await page.locator('a.button').click();
  await page.locator('#password').waitFor();
}

async function signIn(page: Page): Promise<void> {
  await page.locator('#user').fill('ann');
  await page.locator('#password').fill(PASSWORD);
  await page.locator('button[type=submit]').click();
}

describe.each([
  ['JavaScript off', false],
  ['JavaScript on', true],
])('with %s', (_name, javaScriptEnabled) => {
  test('a phone is paired, goes on by itself, signs in, lands where it wanted to go, and signs out', async () => {
    const page = await openPage({ javaScriptEnabled });
    await page.goto(home.url('chat.localhost', '/deep/page?x=1'));
    expect(await page.title()).toBe('Sign in');
    expect((await page.content()).toLowerCase()).not.toContain('password');
    const code = await page.locator('#code').innerText();
    const request = await home.keeper.admin.findRequest({ code });
    expect((await page.locator('#comparison').innerText()).replace(' ', '')).toBe(request.comparison);
    await home.approve(code);
    await page.locator('#password').waitFor();
    await signIn(page);
    await page.waitForURL(home.url('chat.localhost', '/deep/page?x=1'));
    expect(await page.locator('h1').innerText()).toBe('Service');
    await page.goto(home.url('chat.localhost', '/.postern/'));
    await page.locator('form button').click();
    await page.waitForURL(home.url('chat.localhost', '/.postern/sign-out'));
    await page.goto(home.url('chat.localhost'));
    await page.locator('#password').waitFor();
  });

  test('by the sign-in origin: the form leads to the service, with a cookie of its own there', async () => {
    const page = await openPage({ javaScriptEnabled });
    await pair(page, gated, gated.url('chat.localhost', '/a'));
    expect(new URL(page.url()).hostname).toBe('gate.localhost');
    await signIn(page);
    await page.waitForURL(gated.url('chat.localhost', '/a'));
    expect(await page.locator('h1').innerText()).toBe('Service');
    await page.goto(gated.url('files.localhost', '/b'));
    await page.waitForURL(gated.url('files.localhost', '/b'));
    const sessions = (await page.context().cookies()).filter(({ name }) => name === '__Host-gs');
    expect(sessions.map(({ domain }) => domain).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'chat.localhost',
      'files.localhost',
      'gate.localhost',
    ]);
    expect(new Set(sessions.map(({ value }) => value)).size).toBe(3);
    for (const cookie of sessions)
      expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax' });
  });
});

test('a wrong password is said, the name stays and the password does not', async () => {
  const page = await openPage({ javaScriptEnabled: false });
  await pair(page, home, home.url('chat.localhost'));
  await page.locator('#user').fill('ann');
  await page.locator('#password').fill('not this one');
  await page.locator('button[type=submit]').click();
  await page.locator('[role=alert]').waitFor();
  expect(await page.locator('#user').inputValue()).toBe('ann');
  expect(await page.locator('#password').inputValue()).toBe('');
});

test.each([
  ['en-US', 'en', 'This device is new here', 'Sign in'],
  ['zh-CN', 'zh-Hans', '这是一台新设备', '登录'],
])('%s is answered in %s', async (locale, language, heading, button) => {
  const page = await openPage({ locale });
  await page.goto(home.url('chat.localhost'));
  expect(await page.locator('html').getAttribute('lang')).toBe(language);
  expect(await page.locator('h1').innerText()).toBe(heading);
  await home.approve(await page.locator('#code').innerText());
  await page.locator('a.button').click();
  await page.locator('#password').waitFor();
  expect(await page.locator('button').innerText()).toBe(button);
});

test.each([
  [320, 'light'],
  [390, 'dark'],
  [1280, 'light'],
] as const)(
  'at %i px in %s: nothing is cut off, fields are named, large and readable',
  async (width, colorScheme) => {
    const page = await openPage({
      viewport: { width, height: 700 },
      colorScheme,
      isMobile: false,
      hasTouch: false,
    });
    const fits = (): Promise<boolean> =>
      page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth');
    await page.goto(home.url('chat.localhost'));
    expect(await fits()).toBe(true);
    await home.approve(await page.locator('#code').innerText());
    await page.locator('a.button').click();
    await page.locator('#password').waitFor();
    expect(await fits()).toBe(true);
    expect(await page.getByLabel('Name').getAttribute('autocomplete')).toBe('username');
    expect(await page.getByLabel('Password').getAttribute('autocomplete')).toBe('current-password');
    for (const control of await page.locator('input, button').all()) {
      expect((await control.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    }
    for (const selector of ['h1', 'main > p', 'label', 'button']) {
      expect(await page.evaluate(contrastOf(selector))).toBeGreaterThanOrEqual(4.5);
    }
  },
);

/** WCAG 2.2 contrast of a text against what lies behind it; an expression for the page. */
const contrastOf = (selector: string): string => `(() => {
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((part) => {
      const share = Number(part) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const element = document.querySelector(${JSON.stringify(selector)});
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
  const [dark, light] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor]
    .map(luminance).sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
})()`;

describe('the service, once somebody is signed in', () => {
  let page: Page;
  beforeEach(async () => {
    page = await openPage();
    await pair(page, home, home.url('chat.localhost'));
    await signIn(page);
    await page.waitForURL(home.url('chat.localhost'));
  });

  test('cannot put the sign-in into a frame', async () => {
    await page.evaluate(`new Promise((resolve) => {
      const frame = document.createElement('iframe');
      frame.src = '/.postern/';
      frame.addEventListener('load', () => resolve());
      document.body.append(frame);
    })`);
    expect(page.frames().some((frame) => frame.url().includes('/.postern/'))).toBe(false);
    trouble.length = 0;
  });

  test('cannot register a Service Worker for the sign-in from a script below it', async () => {
    const seen = home.service.seen.length;
    const outcome = await page.evaluate(
      `navigator.serviceWorker.register('/.postern/sw.js').then(() => 'registered', (error) => error.name)`,
    );
    expect(outcome).not.toBe('registered');
    expect(home.service.seen.slice(seen).filter(({ line }) => line.includes('.postern'))).toEqual([]);
  });

  test('cannot read the cookies of the login from a script', async () => {
    expect(await page.evaluate('document.cookie')).toBe('');
  });
});
