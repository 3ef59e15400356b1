import { type BrowserContext, chromium } from 'playwright-core';

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
