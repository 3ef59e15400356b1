import { type BrowserContext, type Page, chromium } from 'playwright-core';

const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --no-proxy-server';

/**
 * A headless browser in which one name leads to an address of the test, whatever its certificate.
 * @param profile an empty folder of its own
 */
export function launchChromium(profile: string, name: string, address: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    ignoreHTTPSErrors: true,
    args: FLAGS.split(' ').concat(`--host-resolver-rules=MAP ${name} ${address}`),
  });
}

/** Chromium drops what is under way whenever an interface of this machine comes or goes, as those of another lab do. */
const NETWORK_CHANGED = /ERR_NETWORK_CHANGED|chrome-error/;

/** Opens a page, again at most twice when the machine's interfaces changed meanwhile. */
export async function visit(page: Page, url: string): Promise<void> {
  for (let again = 2; ; again--) {
    try {
      await page.goto(url);
      return;
    } catch (error) {
      if (again === 0 || !NETWORK_CHANGED.test(String(error))) throw error;
    }
  }
}
