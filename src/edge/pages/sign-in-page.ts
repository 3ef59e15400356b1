import type { GateResponse } from '../auth/contract.ts';
import { html } from './html.ts';
import type { Language } from './language.ts';
import { renderPage } from './page.ts';
import { TEXTS } from './texts.ts';

export interface SignInForm {
  readonly language: Language;
  /** Where the form is sent: a path of this origin. */
  readonly action: string;
  /** What is wrong with the last attempt. */
  readonly problem?: 'wrong' | 'busy' | undefined;
  /** Shown again after a wrong password. */
  readonly userName?: string | undefined;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
}

/** The form for name and password; only ever shown to a device that may try. */
export function renderSignInPage(form: SignInForm): GateResponse {
  const texts = TEXTS[form.language];
  const problem = form.problem && html`<p class="wrong" role="alert">${texts[form.problem]}</p>`;
  return renderPage({
    status: form.problem === undefined ? 200 : form.problem === 'wrong' ? 401 : 503,
    language: form.language,
    title: texts.signIn,
    headers: form.headers,
    body: html`<h1>${texts.signIn}</h1>
      <p>${texts.signInIntro}</p>
      ${problem}
      <form method="post" action="${form.action}">
        <label for="user">${texts.userName}</label>
        <input
          id="user"
          name="user"
          type="text"
          autocomplete="username"
          autocapitalize="none"
          autocorrect="off"
          spellcheck="false"
          maxlength="64"
          required
          value="${form.userName}"
        />
        <label for="password">${texts.password}</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          maxlength="1024"
          required
        />
        <button type="submit">${texts.signIn}</button>
      </form>`,
  });
}
