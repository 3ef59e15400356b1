import { silentLog } from '../../src/core/log.ts';
import type { GateResponse, RequestFacts } from '../../src/edge/auth/contract.ts';
import {
  type GatekeeperOptions,
  type LoginGatekeeper,
  createGatekeeper,
} from '../../src/edge/auth/gatekeeper.ts';
import type { ScryptCost } from '../../src/edge/auth/passwords.ts';
import { STATE_MIGRATIONS } from '../../src/edge/auth/schema.ts';
import { type Database, openDatabase } from '../../src/platform/sqlite.ts';
import { FakeClock } from './fake-clock.ts';

/** A password hash that costs nothing. */
export const CHEAP: ScryptCost = { logN: 1, r: 1, p: 1 };
export const PASSWORD = 'correct horse battery';

export interface TestLogin {
  readonly keeper: LoginGatekeeper;
  readonly clock: FakeClock;
  readonly database: Database;
}

/** A login in memory with the user `ann` and the service `chat.example.com`. */
export async function makeLogin(options: Partial<Omit<GatekeeperOptions, 'clock'>> = {}): Promise<TestLogin> {
  const clock = new FakeClock();
  const database = options.database ?? (await openDatabase(':memory:', STATE_MIGRATIONS));
  const keeper = createGatekeeper({
    services: [{ name: 'chat.example.com', access: 'login', pairing: 'required' }],
    gate: undefined,
    publicPort: 443,
    log: silentLog,
    cost: CHEAP,
    ...options,
    clock,
    database,
  });
  if ((await keeper.admin.listUsers()).length === 0) {
    await keeper.admin.addUser({ name: 'ann', password: PASSWORD });
  }
  return { keeper, clock, database };
}

/** What a visitor gets: the service's answer, or one of the login. */
export type Outcome =
  | { readonly kind: 'service'; readonly decision: ReturnType<LoginGatekeeper['decide']> }
  | ({ readonly kind: 'login' } & GateResponse & { readonly text: string });

export interface VisitorOptions {
  readonly address?: string;
  readonly bucket?: string;
  readonly accept?: string | undefined;
  readonly userAgent?: string;
  readonly acceptLanguage?: string;
}

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1';

/** A browser that goes through `decide` and `answer` as the edge does, with a cookie jar for each host. */
export class TestVisitor {
  readonly jars = new Map<string, Map<string, string>>();
  readonly #login: TestLogin;
  readonly #options: VisitorOptions;

  constructor(login: TestLogin, options: VisitorOptions = {}) {
    this.#login = login;
    this.#options = options;
  }

  facts(method: string, url: string, more: Partial<RequestFacts> = {}): RequestFacts {
    const { host, pathname, search } = new URL(url);
    const address = this.#options.address ?? '198.51.100.7';
    const jar = [...this.#jar(host)].map(([name, value]) => `${name}=${value}`);
    return {
      serviceName: host.replace(/:\d+$/, ''),
      method,
      target: pathname + search,
      client: { text: address, bucket: this.#options.bucket ?? address },
      cookie: jar.length > 0 ? jar.join('; ') : undefined,
      authorization: undefined,
      origin: method === 'POST' ? `https://${host}` : undefined,
      isUpgrade: false,
      accept: 'accept' in this.#options ? this.#options.accept : 'text/html,application/xhtml+xml,*/*;q=0.8',
      acceptLanguage: this.#options.acceptLanguage,
      userAgent: this.#options.userAgent ?? IPHONE,
      secFetchSite: undefined,
      secFetchDest: undefined,
      serviceWorker: undefined,
      ...more,
    };
  }

  decide(url: string, more: Partial<RequestFacts> = {}): ReturnType<LoginGatekeeper['decide']> {
    return this.#login.keeper.decide(this.facts(more.method ?? 'GET', url, more));
  }

  async get(url: string, more: Partial<RequestFacts> = {}): Promise<Outcome> {
    return this.#send('GET', url, '', more);
  }

  async post(
    url: string,
    fields: Readonly<Record<string, string>>,
    more: Partial<RequestFacts> = {},
  ): Promise<Outcome> {
    return this.#send('POST', url, new URLSearchParams(fields).toString(), more);
  }

  /** Follows redirects until something else comes. */
  async open(url: string): Promise<Outcome & { url: string }> {
    let at = url;
    for (let hop = 0; hop < 10; hop++) {
      const outcome = await this.get(at);
      const location = outcome.kind === 'login' ? headerOf(outcome, 'location') : undefined;
      if (location === undefined) return { ...outcome, url: at };
      at = location;
    }
    throw new Error(`too many redirects, last to ${at}`);
  }

  cookie(host: string, name: string): string | undefined {
    return this.#jar(host).get(name);
  }

  #jar(host: string): Map<string, string> {
    const jar = this.jars.get(host) ?? new Map<string, string>();
    this.jars.set(host, jar);
    return jar;
  }

  async #send(method: string, url: string, body: string, more: Partial<RequestFacts>): Promise<Outcome> {
    const facts = this.facts(method, url, more);
    const decision = this.#login.keeper.decide(facts);
    if (decision.kind === 'limited') {
      const retryAfter = String(decision.retryAfterSeconds);
      return { kind: 'login', status: 429, headers: [['retry-after', retryAfter]], body: '', text: '' };
    }
    if (decision.kind !== 'gate') return { kind: 'service', decision };
    const { origin, host } = new URL(url);
    const response = await this.#login.keeper.answer({
      ...facts,
      ownOrigin: origin,
      contentType: method === 'POST' ? 'application/x-www-form-urlencoded' : undefined,
      readBody: async (maxBytes) => {
        if (body.length > maxBytes) throw new Error('too large');
        return Buffer.from(body);
      },
    });
    this.#keepCookies(host, response);
    return { kind: 'login', ...response, text: Buffer.from(response.body).toString() };
  }

  #keepCookies(host: string, response: GateResponse): void {
    for (const [name, value] of response.headers) {
      const [, key, content, attributes] =
        /^([^=]+)=([^;]*)(.*)$/.exec(name === 'set-cookie' ? value : '') ?? [];
      if (key === undefined || content === undefined) continue;
      if (attributes?.includes('Max-Age=0')) this.#jar(host).delete(key);
      else this.#jar(host).set(key, content);
    }
  }
}

export function headerOf(outcome: Outcome, name: string): string | undefined {
  return outcome.kind === 'login' ? outcome.headers.find(([key]) => key === name)?.[1] : undefined;
}

/** The code that a pairing page shows. */
export function codeOn(text: string): string {
  return /[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}/.exec(text)?.[0] ?? '';
}

export const SIGN_IN_URL = 'https://chat.example.com/.postern/sign-in';

/** Pairs a visitor as the operator would, and signs it in. */
export async function signIn(login: TestLogin, visitor: TestVisitor, url = SIGN_IN_URL): Promise<Outcome> {
  const page = await visitor.open(url);
  const code = page.kind === 'login' ? codeOn(page.text) : '';
  if (code !== '') {
    const { comparison } = await login.keeper.admin.findRequest({ code });
    await login.keeper.admin.approveRequest({ code, comparison });
    await visitor.open(page.url);
  }
  return visitor.post(page.url, { user: 'ann', password: PASSWORD });
}
