import type { GateResponse } from '../auth/contract.ts';
import { html } from './html.ts';
import type { Language } from './language.ts';
import { renderPage } from './page.ts';
import { TEXTS } from './texts.ts';

const POLL_SECONDS = 3;

type Headers = ReadonlyArray<readonly [string, string]>;

/** What a new device shows while it waits; it asks again by itself, without JavaScript. */
export interface PairingScreen {
  readonly language: Language;
  /** As people read it: `ABCD-EFGH`. */
  readonly code: string;
  /** As people read it: `482 913`. */
  readonly comparison: string;
  /** This page's own address. */
  readonly self: string;
  readonly headers?: Headers | undefined;
}

export function renderPairingPage(screen: PairingScreen): GateResponse {
  const texts = TEXTS[screen.language];
  return renderPage({
    status: 200,
    language: screen.language,
    title: texts.signIn,
    refresh: { seconds: POLL_SECONDS, to: screen.self },
    headers: screen.headers,
    body: html`<h1>${texts.newDevice}</h1>
      <p>${texts.newDeviceIntro}</p>
      <dl class="code">
        <dt>${texts.code}</dt>
        <dd id="code">${screen.code}</dd>
      </dl>
      <dl class="code second">
        <dt>${texts.comparison}</dt>
        <dd id="comparison">${screen.comparison}</dd>
      </dl>
      <p class="hint">${texts.comparisonHint}</p>
      <p class="wait" role="status">${texts.waiting}</p>
      <a class="button quiet" href="${screen.self}">${texts.checkNow}</a>`,
  });
}

/** A request that came to nothing. @param newCodeAt where a new one is made; left out when there may be none now */
export function renderPairingEndPage(
  language: Language,
  standing: 'expired' | 'rejected',
  newCodeAt?: string,
): GateResponse {
  const texts = TEXTS[language];
  const again =
    newCodeAt === undefined ? undefined : html`<a class="button" href="${newCodeAt}">${texts.newCode}</a>`;
  return renderPage({
    status: standing === 'expired' ? 200 : 403,
    language,
    title: texts.signIn,
    body: html`<h1>${texts[standing]}</h1>
      <p>${texts[`${standing}Text`]}</p>
      ${again}`,
  });
}

/** Too many requests wait from this network already. */
export function renderPairingLimitPage(language: Language, retryAfterSeconds: number): GateResponse {
  const texts = TEXTS[language];
  return renderPage({
    status: 429,
    language,
    title: texts.signIn,
    headers: [['retry-after', String(retryAfterSeconds)]],
    body: html`<h1>${texts.newDevice}</h1>
      <p>${texts.tooMany}</p>`,
  });
}
