import { PosternError } from '../../../core/errors/index.ts';
import type { HttpsAnswer, HttpsRequest } from '../../../platform/https-request.ts';
import type { AcmeClientOptions, AcmeDirectory } from './contract.ts';
import { signRequest } from './jws.ts';
import { errorOfProblem, readProblem, readRetryAfter } from './problem.ts';

/** An answer of the authority that was not an error. */
export interface AcmeAnswer {
  readonly status: number;
  /** The Location field. */
  readonly location: string | undefined;
  /** Milliseconds; `undefined`: it named none. */
  readonly retryAfterMs: number | undefined;
  readonly text: string;
  /** The body as JSON; `{}` when it is no JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
}

const TIMEOUT_MS = 30_000;
/** A nonce is refused when it is old, or for practice; more often than this it is a mistake of somebody. */
const MAX_NONCE_REFUSALS = 20;
const MAX_SPARE_NONCES = 5;

/** Requests to one ACME directory as RFC 8555 §6 wants them: signed, each with a nonce of its own, problems as errors. */
export class AcmeClient {
  readonly options: AcmeClientOptions;
  readonly #nonces: string[] = [];
  #directory: AcmeDirectory | undefined;

  constructor(options: AcmeClientOptions) {
    this.options = options;
  }

  /** @throws ACME_UNREACHABLE, ACME_ANSWER_ODD */
  async directory(): Promise<AcmeDirectory> {
    const { directoryUrl } = this.options;
    this.#directory ??= readDirectory((await this.get(directoryUrl)).json, directoryUrl);
    return this.#directory;
  }

  /**
   * A GET without a signature: the directory and renewal information, nothing else (RFC 8555 §6.3, RFC 9773 §4.1).
   * @throws ACME_UNREACHABLE, ACME_REFUSED, ACME_RATE_LIMITED
   */
  async get(url: string): Promise<AcmeAnswer> {
    const answer = await this.#send({ method: 'GET', url });
    return this.#judge(url, answer);
  }

  /**
   * A signed POST; with `payload: undefined` it is a POST-as-GET. A refused nonce is replaced and the request repeated
   * (RFC 8555 §6.5).
   * @param accountUrl `undefined` where the key itself has to be shown
   * @throws ACME_UNREACHABLE, ACME_REFUSED, ACME_RATE_LIMITED, ACME_ANSWER_ODD
   */
  async post(url: string, payload: unknown, accountUrl: string | undefined): Promise<AcmeAnswer> {
    for (let refusals = 0; ; refusals++) {
      const answer = await this.#postOnce(url, payload, accountUrl);
      if (answer.status < 400) return this.#judge(url, answer);
      const problem = readProblem(parseObject(answer.body));
      if (problem.type !== 'badNonce' || refusals === MAX_NONCE_REFUSALS) return this.#judge(url, answer);
    }
  }

  async #postOnce(
    url: string,
    payload: unknown,
    accountUrl: string | undefined,
  ): Promise<HttpsAnswer & { ok: true }> {
    const nonce = this.#nonces.shift() ?? (await this.#fetchNonce());
    const { accountKey: key } = this.options;
    const body = JSON.stringify(signRequest({ key, url, nonce, accountUrl, payload }));
    return this.#send({ method: 'POST', url, body });
  }

  async #fetchNonce(): Promise<string> {
    const { newNonce } = await this.directory();
    await this.#send({ method: 'HEAD', url: newNonce });
    const nonce = this.#nonces.shift();
    if (nonce === undefined) throw odd(newNonce, 'there is no Replay-Nonce');
    return nonce;
  }

  async #send(request: Pick<HttpsRequest, 'method' | 'url' | 'body'>): Promise<HttpsAnswer & { ok: true }> {
    const { send, userAgent, ca, signal } = this.options;
    const headers = {
      'user-agent': userAgent,
      'accept-language': 'en',
      ...(request.body === undefined ? {} : { 'content-type': 'application/jose+json' }),
    };
    const answer = await send({ ...request, headers, timeoutMs: TIMEOUT_MS, ca, signal });
    if (!answer.ok) throw new PosternError('ACME_UNREACHABLE', { url: request.url, reason: answer.reason });
    const nonce = answer.headers['replay-nonce'];
    if (typeof nonce === 'string' && /^[A-Za-z0-9_-]{1,512}$/.test(nonce)) this.#keepNonce(nonce);
    return answer;
  }

  /** The newest first out: the older a nonce, the likelier it is refused. */
  #keepNonce(nonce: string): void {
    this.#nonces.unshift(nonce);
    this.#nonces.length = Math.min(this.#nonces.length, MAX_SPARE_NONCES);
  }

  #judge(url: string, { status, headers, body }: HttpsAnswer & { ok: true }): AcmeAnswer {
    const retryAfterMs = readRetryAfter(headers['retry-after'], this.options.clock.nowMs());
    const json = parseObject(body);
    if (status >= 500) {
      const reason = `it answered with status ${status}`;
      const hint = retryAfterMs === undefined ? {} : { retryAfterMs };
      throw new PosternError('ACME_UNREACHABLE', { url, reason, ...hint });
    }
    if (status >= 400) throw errorOfProblem(readProblem(json), status, retryAfterMs);
    if (status < 200 || status >= 300) throw odd(url, `status ${status}`);
    return { status, location: headers.location, retryAfterMs, text: body, json };
  }
}

function readDirectory(json: Readonly<Record<string, unknown>>, url: string): AcmeDirectory {
  const need = (key: string): string => {
    const value = json[key];
    if (typeof value !== 'string') throw odd(url, `it names no ${key}`);
    return value;
  };
  const { renewalInfo, meta } = json;
  const terms = (meta as { termsOfService?: unknown } | undefined)?.termsOfService;
  return {
    newNonce: need('newNonce'),
    newAccount: need('newAccount'),
    newOrder: need('newOrder'),
    renewalInfo: typeof renewalInfo === 'string' ? renewalInfo : undefined,
    termsOfService: typeof terms === 'string' ? terms : undefined,
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** An answer that RFC 8555 does not know. */
export function odd(url: string, reason: string): PosternError {
  return new PosternError('ACME_ANSWER_ODD', { url, reason });
}
