import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Server, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeDemoCertificate } from '../../src/demo/certificate.ts';

/** What a token of the in-process server may do. */
export interface CloudflareTestToken {
  readonly value: string;
  /** Names of zones. */
  readonly zones: readonly string[];
  readonly canEdit?: boolean;
  /** As the zones' `permissions`; empty: the server does not say. */
  readonly permissions?: readonly string[];
  readonly makesTokens?: boolean;
  readonly expiresOn?: string;
}

export interface CloudflareTestRecord {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly content: string;
  readonly data?: unknown;
  readonly ttl: number;
  readonly proxied: boolean;
  readonly comment: string | null;
}

interface Zone {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly records: CloudflareTestRecord[];
}

/** An answer instead of the real one: the next request gets it. */
export type Disturbance =
  { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string } | 'hang-up';

interface Answer {
  readonly status: number;
  readonly result?: unknown;
  readonly info?: unknown;
  readonly errors?: readonly unknown[];
}

const problem = (status: number, code: number, message: string, chain?: unknown): Answer => ({
  status,
  errors: [{ code, message, ...(chain ? { error_chain: chain } : {}) }],
});

const newId = (): string => randomBytes(16).toString('hex');

/**
 * Cloudflare's DNS interface as it is published: zones, records, pages, tokens, its error codes and its limits on
 * pages, comments and names. Over TLS on loopback.
 */
export class CloudflareServer {
  readonly url: string;
  readonly ca: string;
  /** `METHOD /path?query` of everything that came, with the body. */
  readonly requests: { readonly line: string; readonly body: string }[] = [];
  readonly #server: Server;
  readonly #zones: readonly Zone[];
  readonly #tokens: readonly CloudflareTestToken[];
  readonly #disturbances: Disturbance[] = [];

  private constructor(
    server: Server,
    ca: string,
    zones: readonly Zone[],
    tokens: readonly CloudflareTestToken[],
  ) {
    this.#server = server;
    this.#zones = zones;
    this.#tokens = tokens;
    this.ca = ca;
    this.url = `https://localhost:${(server.address() as AddressInfo).port}/client/v4`;
  }

  static async start(
    zones: readonly { readonly name: string; readonly status?: string }[],
    tokens: readonly CloudflareTestToken[],
  ): Promise<CloudflareServer> {
    const { authority, pair } = await makeDemoCertificate('localhost', Date.now());
    const server = createServer({ cert: pair.cert, key: pair.key });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const made = zones.map(({ name, status = 'active' }) => ({ id: newId(), name, status, records: [] }));
    const cloudflare = new CloudflareServer(server, authority, made, tokens);
    server.on('request', (request, response) => void cloudflare.#handle(request, response));
    return cloudflare;
  }

  /** The next requests are answered like this, one each. */
  disturb(...disturbances: readonly Disturbance[]): void {
    this.#disturbances.push(...disturbances);
  }

  records(zone: string): readonly CloudflareTestRecord[] {
    return this.#zone(zone).records;
  }

  /** Somebody else adds a record by hand. */
  add(
    zone: string,
    record: Partial<CloudflareTestRecord> & Pick<CloudflareTestRecord, 'type' | 'name' | 'content'>,
  ): void {
    this.#zone(zone).records.push({ id: newId(), ttl: 1, proxied: false, comment: null, ...record });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #zone(name: string): Zone {
    const zone = this.#zones.find((one) => one.name === name);
    if (!zone) throw new Error(`no zone ${name}`);
    return zone;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    this.requests.push({ line: `${request.method} ${request.url}`, body });
    const disturbance = this.#disturbances.shift();
    if (disturbance === 'hang-up') return void request.socket.destroy();
    if (disturbance) {
      response.writeHead(disturbance.status, disturbance.headers);
      return void response.end(disturbance.body ?? '');
    }
    const { status, result = null, info, errors = [] } = this.#answer(request, body);
    response.writeHead(status, { 'content-type': 'application/json' });
    const envelope = { success: errors.length === 0, errors, messages: [], result, result_info: info };
    response.end(JSON.stringify(envelope));
  }

  #answer(request: IncomingMessage, body: string): Answer {
    const credentials = /^Bearer ([A-Za-z0-9_-]+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (credentials === undefined) {
      const chain = [{ code: 6111, message: 'Invalid format for Authorization header' }];
      return problem(400, 6003, 'Invalid request headers', chain);
    }
    const token = this.#tokens.find(({ value }) => value === credentials);
    if (!token) return problem(403, 9109, 'Invalid access token');
    const url = new URL(request.url ?? '/', 'https://localhost');
    const path = url.pathname.replace('/client/v4', '');
    const method = request.method ?? 'GET';
    if (path === '/user/tokens/verify') {
      return { status: 200, result: { id: newId(), status: 'active', expires_on: token.expiresOn } };
    }
    if (path === '/user/tokens') {
      return token.makesTokens
        ? { status: 200, result: [] }
        : problem(403, 9109, 'Unauthorized to access requested resource');
    }
    if (path === '/zones') return this.#listZones(token, url);
    const match = /^\/zones\/([^/]+)\/dns_records(?:\/([^/]+))?$/.exec(path);
    const zone = this.#zones.find(({ id }) => id === match?.[1]);
    if (!match || !zone)
      return problem(400, 7003, 'Could not route, perhaps your object identifier is invalid?');
    if (!token.zones.includes(zone.name)) return problem(403, 10_000, 'Authentication error');
    if (method !== 'GET' && !(token.canEdit ?? true)) return problem(403, 10_000, 'Authentication error');
    return this.#records(zone, method, match[2], url, body);
  }

  #listZones(token: CloudflareTestToken, url: URL): Answer {
    if (Number(url.searchParams.get('per_page') ?? 20) > 50)
      return problem(400, 1012, 'per_page must be at most 50');
    const name = url.searchParams.get('name');
    const zones = this.#zones
      .filter((zone) => token.zones.includes(zone.name) && (name === null || zone.name === name))
      .map(({ id, name: zone, status }) => ({
        id,
        name: zone,
        status,
        permissions: token.permissions ?? [],
      }));
    return paged(zones, url);
  }

  #records(zone: Zone, method: string, id: string | undefined, url: URL, body: string): Answer {
    if (id === undefined) {
      if (method === 'POST') return this.#store(zone, undefined, body);
      const name = url.searchParams.get('name')?.toLowerCase();
      return paged(
        zone.records.filter((record) => name === undefined || record.name === name),
        url,
      );
    }
    const index = zone.records.findIndex((record) => record.id === id);
    const found = zone.records[index];
    if (!found) return problem(404, 81_044, 'Record does not exist.');
    if (method === 'GET') return { status: 200, result: found };
    if (method === 'PATCH') return this.#store(zone, found, body);
    zone.records.splice(index, 1);
    return { status: 200, result: { id } };
  }

  #store(zone: Zone, before: CloudflareTestRecord | undefined, body: string): Answer {
    const sent = JSON.parse(body) as Partial<CloudflareTestRecord>;
    const record = normalize({ ...before, ...sent }, before?.id ?? newId());
    const fault = findFault(zone, record);
    if (fault) return fault;
    if (before) zone.records.splice(zone.records.indexOf(before), 1, record);
    else zone.records.push(record);
    return { status: 200, result: record };
  }
}

function normalize(sent: Partial<CloudflareTestRecord>, id: string): CloudflareTestRecord {
  const data = sent.data as { flags: number; tag: string; value: string } | undefined;
  const isProxied = sent.proxied ?? false;
  const { data: _, ...rest } = sent;
  return {
    ...rest,
    id,
    type: sent.type ?? '',
    name: (sent.name ?? '').toLowerCase(),
    content:
      sent.type === 'CAA' && data
        ? `${data.flags} ${data.tag} ${JSON.stringify(data.value)}`
        : (sent.content ?? ''),
    ...(sent.type === 'CAA' && data ? { data } : {}),
    ttl: isProxied ? 1 : (sent.ttl ?? 1),
    proxied: isProxied,
    comment: sent.comment ?? null,
  };
}

function findFault(zone: Zone, record: CloudflareTestRecord): Answer | undefined {
  const validation = (code: number, message: string): Answer =>
    problem(400, 1004, 'DNS Validation Error', [{ code, message }]);
  if (record.ttl !== 1 && (record.ttl < 60 || record.ttl > 86_400)) return validation(9021, 'Invalid TTL.');
  if ((record.comment ?? '').length > 100) return validation(9211, 'Comment is too long.');
  if (record.type === 'A' && !/^(\d{1,3}\.){3}\d{1,3}$/.test(record.content)) {
    return validation(9005, 'Content for A record is invalid.');
  }
  const others = zone.records.filter(({ id, name }) => id !== record.id && name === record.name);
  if (others.some(({ type, content }) => type === record.type && content === record.content)) {
    return problem(400, 81_058, 'An identical record already exists.');
  }
  const isAddress = (type: string): boolean => type === 'A' || type === 'AAAA' || type === 'CNAME';
  if (record.type === 'CNAME' && others.some(({ type }) => isAddress(type))) {
    return problem(400, 81_053, 'An A, AAAA, or CNAME record with that host already exists.');
  }
  return isAddress(record.type) && others.some(({ type }) => type === 'CNAME')
    ? problem(400, 81_054, 'A CNAME record with that host already exists.')
    : undefined;
}

function paged(entries: readonly unknown[], url: URL): Answer {
  const page = Number(url.searchParams.get('page') ?? 1);
  const perPage = Number(url.searchParams.get('per_page') ?? 20);
  const result = entries.slice((page - 1) * perPage, page * perPage);
  const info = {
    page,
    per_page: perPage,
    count: result.length,
    total_count: entries.length,
    total_pages: Math.ceil(entries.length / perPage),
  };
  return { status: 200, result, info };
}
