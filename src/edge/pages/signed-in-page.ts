import type { GateResponse } from '../auth/contract.ts';
import { html } from './html.ts';
import type { Language } from './language.ts';
import { renderPage } from './page.ts';
import { TEXTS } from './texts.ts';

type Headers = ReadonlyArray<readonly [string, string]>;

export interface SignedInScreen {
  readonly language: Language;
  readonly userName: string;
  readonly deviceName: string;
  /** Where to go from here. */
  readonly links: readonly { readonly name: string; readonly href: string }[];
  readonly signOutAction: string;
}

/** Who is signed in here, where to go, and the button that ends it. */
export function renderSignedInPage(screen: SignedInScreen): GateResponse {
  const texts = TEXTS[screen.language];
  return renderPage({
    status: 200,
    language: screen.language,
    title: texts.signedIn,
    body: html`<h1>${texts.signedIn}</h1>
      <dl class="facts">
        <dt>${texts.signedInAs}</dt>
        <dd>${screen.userName}</dd>
        <dt>${texts.device}</dt>
        <dd>${screen.deviceName}</dd>
      </dl>
      <div class="stack">
        ${screen.links.map((link) => html`<a class="button" href="${link.href}">${texts.open} ${link.name}</a>`)}
        <form method="post" action="${screen.signOutAction}">
          <button class="quiet" type="submit">${texts.signOut}</button>
        </form>
      </div>`,
  });
}

/** After signing out. */
export function renderSignedOutPage(language: Language, signInAt: string, headers: Headers): GateResponse {
  const texts = TEXTS[language];
  return renderPage({
    status: 200,
    language,
    title: texts.signedOut,
    headers,
    body: html`<h1>${texts.signedOut}</h1>
      <p>${texts.signedOutText}</p>
      <a class="button quiet" href="${signInAt}">${texts.signInAgain}</a>`,
  });
}

/**
 * Goes on by itself. A page and no redirect: browsers hold redirects that follow a form to `form-action 'self'`, and the
 * way from the sign-in origin to a service leaves it.
 */
export function renderGoOnPage(language: Language, to: string, headers: Headers): GateResponse {
  const texts = TEXTS[language];
  return renderPage({
    status: 200,
    language,
    title: texts.signedIn,
    refresh: { seconds: 0, to },
    headers,
    body: html`<h1>${texts.signedIn}</h1>
      <a class="button" href="${to}">${texts.goOn}</a>`,
  });
}
