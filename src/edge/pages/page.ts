import { createHash } from 'node:crypto';
import type { GateResponse } from '../auth/contract.ts';
import { Html, html } from './html.ts';
import type { Language } from './language.ts';
import { STYLE } from './style.ts';

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const STYLE_TAG = new Html(`<style>${STYLE}</style>`);

const LANGUAGE_TAGS: Readonly<Record<Language, string>> = { en: 'en', zh: 'zh-Hans' };

/**
 * Fields of every answer of the login. No script, no frame, no outside asset, nothing kept by a cache; and no
 * Service-Worker-Allowed, ever.
 */
const SAFE_HEADERS: ReadonlyArray<readonly [string, string]> = [
  ['cache-control', 'no-store'],
  // Not no-referrer: with that a browser posts our own form with `Origin: null` (Fetch, "append a request Origin header").
  ['referrer-policy', 'same-origin'],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['x-robots-tag', 'noindex, nofollow'],
];

const PAGE_HEADERS: ReadonlyArray<readonly [string, string]> = [
  ['content-type', 'text/html; charset=utf-8'],
  [
    'content-security-policy',
    `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  ],
  ['vary', 'accept-language'],
  ...SAFE_HEADERS,
];

type Headers = ReadonlyArray<readonly [string, string]>;

/** What a page is made of. */
export interface PageParts {
  readonly status: number;
  readonly language: Language;
  /** Neutral: it stands in tabs and histories. */
  readonly title: string;
  readonly body: Html;
  /** The page loads itself, or that address, again after so many seconds; works without JavaScript. */
  readonly refresh?: { readonly seconds: number; readonly to?: string } | undefined;
  readonly headers?: Headers | undefined;
}

/** A whole page as an answer, with its strict headers. */
export function renderPage(parts: PageParts): GateResponse {
  const page = html`<!doctype html>
    <html lang="${LANGUAGE_TAGS[parts.language]}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        ${refreshTag(parts.refresh)}
        <title>${parts.title}</title>
        ${STYLE_TAG}
      </head>
      <body>
        <main>${MARK} ${parts.body}</main>
      </body>
    </html> `;
  return { status: parts.status, headers: [...PAGE_HEADERS, ...(parts.headers ?? [])], body: page.text };
}

/** A browser that looks for a page. */
export function acceptsPages({ accept }: { readonly accept: string | undefined }): boolean {
  return accept?.includes('text/html') === true;
}

/** A short answer for programs. */
export function renderText(status: number, text: string, headers: Headers = []): GateResponse {
  return {
    status,
    headers: [['content-type', 'text/plain; charset=utf-8'], ...SAFE_HEADERS, ...headers],
    body: `${text}\n`,
  };
}

/** Sends the visitor on. @param location a whole URL of an origin of ours */
export function renderRedirect(location: string, headers: Headers = []): GateResponse {
  return { status: 303, headers: [['location', location], ...SAFE_HEADERS, ...headers], body: '' };
}

function refreshTag(refresh: PageParts['refresh']): Html | undefined {
  if (!refresh) return undefined;
  const content = refresh.to === undefined ? `${refresh.seconds}` : `${refresh.seconds}; url=${refresh.to}`;
  return html`<meta http-equiv="refresh" content="${content}" /> `;
}

/** A keyhole in an arch. */
const MARK = html`<svg class="mark" viewBox="0 0 44 44" fill="none" aria-hidden="true">
  <path d="M7 41V20a15 15 0 0 1 30 0v21Z" stroke="currentColor" stroke-width="3" stroke-linejoin="round" />
  <path d="M22 18a4 4 0 0 1 2 7.46L25.6 33h-7.2l1.6-7.54A4 4 0 0 1 22 18Z" fill="currentColor" />
</svg>`;
