import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GateResponse } from '../auth/contract.ts';
import { type ErrorStatus, renderErrorPage } from './error-page.ts';
import { html } from './html.ts';
import { chooseLanguage } from './language.ts';
import { renderPairingEndPage, renderPairingLimitPage, renderPairingPage } from './pairing-page.ts';
import { renderSignInPage } from './sign-in-page.ts';
import { renderGoOnPage, renderSignedInPage, renderSignedOutPage } from './signed-in-page.ts';

const STATUSES: readonly ErrorStatus[] = [400, 401, 403, 404, 413, 421, 429, 500, 502, 503];

/** Every page in a language; those that strangers see first. */
function allPages(language: 'en' | 'zh'): { stranger: GateResponse[]; signedIn: GateResponse[] } {
  return {
    stranger: [
      renderSignInPage({ language, action: '/x' }),
      renderSignInPage({ language, action: '/x', problem: 'wrong', userName: 'ann' }),
      renderSignInPage({ language, action: '/x', problem: 'busy' }),
      renderPairingPage({ language, code: 'ABCD-EFGH', comparison: '123 456', self: '/x' }),
      renderPairingEndPage(language, 'expired', '/x'),
      renderPairingEndPage(language, 'rejected'),
      renderPairingLimitPage(language, 60),
      ...STATUSES.map((status) => renderErrorPage(status, language, 5)),
    ],
    signedIn: [
      renderSignedInPage({ language, userName: 'ann', deviceName: 'x', links: [], signOutAction: '/x' }),
      renderSignedOutPage(language, '/x', []),
      renderGoOnPage(language, '/x', []),
    ],
  };
}

const everyPage = (['en', 'zh'] as const).flatMap((language) => {
  const { stranger, signedIn } = allPages(language);
  return [...stranger, ...signedIn];
});
const header = (page: GateResponse, name: string): string | undefined =>
  page.headers.find(([key]) => key === name)?.[1];

describe('every page', () => {
  test('has the strict policy, and its style is the one the policy allows', () => {
    for (const page of everyPage) {
      const style = /<style>([^]*?)<\/style>/.exec(String(page.body))?.[1] ?? '';
      const hash = createHash('sha256').update(style).digest('base64');
      expect(header(page, 'content-security-policy')).toBe(
        `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      );
      expect(header(page, 'cache-control')).toBe('no-store');
      expect(header(page, 'referrer-policy')).toBe('same-origin');
      expect(header(page, 'x-content-type-options')).toBe('nosniff');
      expect(header(page, 'service-worker-allowed')).toBeUndefined();
    }
  });

  test('has no script, no inline style, no outside asset', () => {
    for (const page of everyPage) {
      const text = String(page.body);
      expect(text).not.toMatch(
        /<script|<link|<img|<iframe|\son\w+=|\sstyle=|javascript:|https?:\/\/|@import|url\(/i,
      );
    }
  });

  test('says its language, has a viewport and one heading', () => {
    for (const page of everyPage) {
      expect(page.body).toMatch(/<html lang="(en|zh-Hans)">/);
      expect(page.body).toContain('name="viewport"');
      expect(String(page.body).match(/<h1>/g)).toHaveLength(1);
    }
  });
});

test('before sign-in nothing names the product, a version or the service', () => {
  for (const language of ['en', 'zh'] as const) {
    for (const page of allPages(language).stranger) {
      expect(JSON.stringify(page)).not.toMatch(/postern|openclaw|version|node|\d+\.\d+\.\d+/i);
    }
  }
});

test('429 and 503 carry Retry-After when it is known', () => {
  expect(header(renderErrorPage(429, undefined, 17), 'retry-after')).toBe('17');
  expect(header(renderErrorPage(502, undefined), 'retry-after')).toBeUndefined();
});

test.each([
  [undefined, 'en'],
  ['', 'en'],
  ['de-DE,de;q=0.9', 'en'],
  ['zh-CN,zh;q=0.9,en;q=0.8', 'zh'],
  ['en-US,en;q=0.9,zh;q=0.8', 'en'],
  ['en;q=0.5, zh-Hant-TW;q=0.8', 'zh'],
  ['de, zh;q=0.1', 'zh'],
  ['zh;q=0', 'en'],
  ['zh;q=nonsense', 'en'],
  ['zhong', 'en'],
  ['*', 'en'],
])('Accept-Language %s is answered in %s', (field, language) => {
  expect(chooseLanguage(field)).toBe(language);
});

test('any Accept-Language gives a language', () => {
  fc.assert(fc.property(fc.string(), (field) => ['en', 'zh'].includes(chooseLanguage(field))));
});

test('whatever is put into a template stays text', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const { text } = html`<a title="${value}">${value}</a>`;
      expect(text.match(/[<>]/g)).toHaveLength(4);
      expect(text.match(/"/g)).toHaveLength(2);
      const read = text.slice(text.indexOf('>') + 1, text.lastIndexOf('<'));
      const unescape = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" } as const;
      expect(read.replaceAll(/&(amp|lt|gt|quot|#39);/g, (sign) => unescape[sign as '&amp;'])).toBe(value);
    }),
  );
});
