import type { GateResponse } from '../auth/contract.ts';
import { html } from './html.ts';
import { chooseLanguage } from './language.ts';
import { renderPage } from './page.ts';
import { type ErrorStatus, TEXTS } from './texts.ts';

export type { ErrorStatus };

/**
 * The page of an error, in the visitor's language. It names neither the product nor the service.
 * @param acceptLanguage the request's Accept-Language field
 * @param retryAfterSeconds adds Retry-After
 */
export function renderErrorPage(
  status: ErrorStatus,
  acceptLanguage: string | undefined,
  retryAfterSeconds?: number,
): GateResponse {
  const language = chooseLanguage(acceptLanguage);
  const { title, text } = TEXTS[language].errors[status];
  return renderPage({
    status,
    language,
    title,
    body: html`<h1>${title}</h1>
      <p>${text}</p>
      <p class="status">${status}</p>`,
    headers: retryAfterSeconds === undefined ? [] : [['retry-after', String(retryAfterSeconds)]],
  });
}
