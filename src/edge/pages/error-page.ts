import type { GateResponse } from '../auth/contract.ts';
import { html } from './html.ts';
import { chooseLanguage } from './language.ts';
import { acceptsPages, renderPage, renderText } from './page.ts';
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

/** RFC 9110 §15.5.2 wants a challenge on 401; of this one no browser makes a window. */
export const CHALLENGE: readonly [string, string] = ['www-authenticate', 'Bearer'];

/** What of a request says how its refusal should look. */
export interface RefusedRequest {
  readonly accept: string | undefined;
  readonly acceptLanguage: string | undefined;
}

/**
 * A refusal, which depends on nothing but its status and on who reads it: a page for browsers, a line for programs.
 * @param retryAfterSeconds adds Retry-After
 */
export function renderRefusal(
  status: ErrorStatus,
  request: RefusedRequest,
  retryAfterSeconds?: number,
): GateResponse {
  const headers = [
    ...(status === 401 ? [CHALLENGE] : []),
    ...(retryAfterSeconds === undefined ? [] : [['retry-after', String(retryAfterSeconds)] as const]),
  ];
  const answer = acceptsPages(request)
    ? renderErrorPage(status, request.acceptLanguage)
    : renderText(status, `${TEXTS.en.errors[status].title}.`);
  return { ...answer, headers: [...answer.headers, ...headers] };
}
