import { type Clock, sleep } from '../../core/clock.ts';
import { PosternError } from '../../core/errors/index.ts';
import type { Secret } from '../../core/secret.ts';
import { type HttpsAnswer, requestHttps } from '../../platform/https-request.ts';
import { CLOUDFLARE, type CloudflareProblem, CloudflareRefusal } from './refusals.ts';

export interface ApiOptions {
  readonly token: Secret;
  readonly clock: Clock;
  /** Default: Cloudflare's own. */
  readonly url?: string | undefined;
  /** Authorities to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the interface's URL: `/zones`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** One page of an answer. */
export interface ApiPage {
  readonly result: unknown;
  /** How many pages there are in all. */
  readonly totalPages: number;
}

export interface CloudflareApi {
  /**
   * @throws CloudflareRefusal when it says no, and DNS_UNREACHABLE, DNS_RATE_LIMITED, DNS_ANSWER_ODD
   */
  request(request: ApiRequest): Promise<ApiPage>;
  /** Every entry of every page. */
  list(path: string, query: Readonly<Record<string, string>>): Promise<readonly unknown[]>;
}

const API_URL = 'https://api.cloudflare.com/client/v4';
const TIMEOUT_MS = 20_000;
const TRIES = 4;
/** The limit is 1200 requests in 5 minutes, and then nothing for 5 minutes: who is told to wait longer is told so. */
const LONGEST_WAIT_MS = 30_000;
const UNKNOWN_WAIT_SECONDS = 300;
const MAX_PAGES = 50;
/** The most that every list takes: zones come in pages of 50. */
const PER_PAGE = 50;

/** Cloudflare's REST interface, version 4: an envelope of `success`, `errors`, `result`, `result_info`. */
export function openCloudflareApi(options: ApiOptions): CloudflareApi {
  const request = (wanted: ApiRequest): Promise<ApiPage> => requestWithRetry(options, wanted);
  return { request, list: (path, query) => listPages(request, path, query) };
}

async function listPages(
  request: CloudflareApi['request'],
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly unknown[]> {
  const entries: unknown[] = [];
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const paging = { page: String(page), per_page: String(PER_PAGE) };
    const { result, totalPages } = await request({ method: 'GET', path, query: { ...query, ...paging } });
    if (!Array.isArray(result)) throw odd('a list is missing');
    entries.push(...(result as unknown[]));
    if (page >= totalPages) return entries;
  }
  throw odd('it has no end of pages');
}

/**
 * A busy or broken Cloudflare is asked again: every change may be sent twice, since the second one finds "identical
 * record" or "no such record".
 */
async function requestWithRetry(options: ApiOptions, wanted: ApiRequest): Promise<ApiPage> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send(options, wanted);
    const waitMs = waitBefore(answer, attempt);
    if (waitMs === undefined) return readAnswer(answer);
    if (attempt >= TRIES || waitMs > LONGEST_WAIT_MS) throw givenUp(answer);
    await sleep(options.clock, waitMs);
  }
}

function send({ token, url = API_URL, ca }: ApiOptions, wanted: ApiRequest): Promise<HttpsAnswer> {
  const query = new URLSearchParams(wanted.query).toString();
  return requestHttps({
    method: wanted.method,
    url: `${url}${wanted.path}${query === '' ? '' : `?${query}`}`,
    headers: {
      authorization: `Bearer ${token.reveal()}`,
      accept: 'application/json',
      'user-agent': 'postern',
      ...(wanted.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(wanted.body === undefined ? {} : { body: JSON.stringify(wanted.body) }),
    timeoutMs: TIMEOUT_MS,
    ca,
  });
}

/** How long to wait before the next try; `undefined` when this answer counts. */
function waitBefore(answer: HttpsAnswer, attempt: number): number | undefined {
  const backOffMs = 500 * 2 ** (attempt - 1);
  if (!answer.ok) return backOffMs;
  if (answer.status === 429) return retryAfterSeconds(answer) * 1000;
  return answer.status >= 500 ? backOffMs : undefined;
}

function retryAfterSeconds(answer: HttpsAnswer & { ok: true }): number {
  const seconds = Number(answer.headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(seconds) : UNKNOWN_WAIT_SECONDS;
}

function givenUp(answer: HttpsAnswer): PosternError {
  if (!answer.ok) return new PosternError('DNS_UNREACHABLE', { provider: CLOUDFLARE, reason: answer.reason });
  if (answer.status === 429) {
    return new PosternError('DNS_RATE_LIMITED', { provider: CLOUDFLARE, seconds: retryAfterSeconds(answer) });
  }
  return new PosternError('DNS_UNREACHABLE', { provider: CLOUDFLARE, reason: `status ${answer.status}` });
}

function readAnswer(answer: HttpsAnswer): ApiPage {
  if (!answer.ok) throw givenUp(answer);
  const envelope = parseEnvelope(answer.body);
  const isFine = answer.status >= 200 && answer.status < 300;
  if (isFine && envelope?.['success'] === true) {
    return { result: envelope['result'], totalPages: totalPagesOf(envelope['result_info']) };
  }
  if (!envelope || (isFine && envelope['success'] !== false))
    throw odd(`status ${answer.status}, no envelope`);
  throw new CloudflareRefusal(answer.status, problemsOf(envelope['errors']));
}

function parseEnvelope(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function totalPagesOf(info: unknown): number {
  const pages = isObject(info) ? info['total_pages'] : undefined;
  return typeof pages === 'number' && Number.isInteger(pages) && pages > 0 ? pages : 1;
}

/** The outer code 1004 means "validation": what is wrong stands in its chain. */
function problemsOf(errors: unknown): readonly CloudflareProblem[] {
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((error: unknown) => {
    if (!isObject(error)) return [];
    const { code, message, error_chain: chain } = error;
    return [
      { code: typeof code === 'number' ? code : 0, message: typeof message === 'string' ? message : '' },
      ...problemsOf(chain),
    ];
  });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What cannot be understood. */
export function odd(reason: string): PosternError {
  return new PosternError('DNS_ANSWER_ODD', { provider: CLOUDFLARE, reason });
}
