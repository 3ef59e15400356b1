import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:tls';
import type { ClientOptions } from 'ws';
import type { Published } from './published.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A visitor with a cookie jar who comes in by the public name. It follows no redirect by itself. */
export class Browser {
  readonly #published: Published;
  readonly #cookies = new Map<string, string>();

  constructor(published: Published) {
    this.#published = published;
  }

  /**
   * @param target path and query, sent as they are, odd spellings included
   */
  async fetch(target: string, options: RequestOptions = {}): Promise<Answer> {
    const { name, address, ca } = this.#published;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const headers = { ...this.#cookieHeader(), ...options.headers };
    const outgoing = request(
      { host: address, servername: name, ca, path: target, method: options.method ?? 'GET', agent: false },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.once('error', reject);
        incoming.once('end', () => {
          this.#keep(incoming.headers['set-cookie'] ?? []);
          const body = Buffer.concat(chunks).toString('utf8');
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
        });
      },
    );
    outgoing.setHeader('host', name);
    for (const [field, value] of Object.entries(headers)) outgoing.setHeader(field, value);
    outgoing.once('error', reject);
    outgoing.setTimeout(20_000, () => outgoing.destroy(new Error(`no answer to ${target}`)));
    outgoing.end(options.body);
    return promise;
  }

  /** What a person does: opens the page, is approved at home, gives name and password. */
  async signIn(): Promise<void> {
    const { admin, user, password } = this.#published;
    let page = await this.#open('/');
    const code = /[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}/.exec(page.body)?.[0];
    if (code !== undefined) {
      const { comparison } = await admin.findRequest({ code });
      await admin.approveRequest({ code, comparison });
      page = await this.#open(page.at);
    }
    const form = new URLSearchParams({ user, password }).toString();
    const headers = {
      origin: this.#published.origin,
      accept: 'text/html',
      'content-type': 'application/x-www-form-urlencoded',
    };
    const answer = await this.fetch(page.at, { method: 'POST', headers, body: form });
    if (answer.status !== 303) throw new Error(`sign-in: ${answer.status} ${answer.body.slice(0, 500)}`);
  }

  /**
   * Options with which `ws` connects to `wss://NAME/…` as this visitor.
   * @param headers more fields of the handshake
   */
  webSocketOptions(headers: Readonly<Record<string, string>> = {}): ClientOptions {
    const { name, origin, address, ca } = this.#published;
    return {
      origin,
      headers: { ...this.#cookieHeader(), ...headers },
      createConnection: () => connect({ host: address, port: 443, servername: name, ca }),
    };
  }

  cookies(): ReadonlyArray<readonly [string, string]> {
    return [...this.#cookies];
  }

  async #open(target: string): Promise<Answer & { at: string }> {
    let at = target;
    for (let hop = 0; hop < 10; hop++) {
      const answer = await this.fetch(at, { headers: { accept: 'text/html' } });
      const location = answer.headers.location;
      if (location === undefined) return { ...answer, at };
      const url = new URL(location, `${this.#published.origin}${at}`);
      at = url.pathname + url.search;
    }
    throw new Error(`too many redirects, last to ${at}`);
  }

  #cookieHeader(): Record<string, string> {
    if (this.#cookies.size === 0) return {};
    return { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  }

  #keep(fields: readonly string[]): void {
    for (const field of fields) {
      const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*)(.*)$/.exec(field) ?? [];
      if (/max-age=0/i.test(attributes)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}
