/** What the edge does with a field of a service's answer. */
const FIELD = {
  pass: 0,
  drop: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  setCookie: 5,
  transportSecurity: 6,
  upgrade: 7,
  keepAlive: 8,
  trailer: 9,
  serviceWorkerAllowed: 10,
  bad: 11,
} as const;
type Field = (typeof FIELD)[keyof typeof FIELD];

const SPECIAL: Readonly<Record<string, Field>> = {
  'content-length': FIELD.contentLength,
  'transfer-encoding': FIELD.transferEncoding,
  connection: FIELD.connection,
  'set-cookie': FIELD.setCookie,
  'strict-transport-security': FIELD.transportSecurity,
  upgrade: FIELD.upgrade,
  'keep-alive': FIELD.keepAlive,
  trailer: FIELD.trailer,
  'service-worker-allowed': FIELD.serviceWorkerAllowed,
  'proxy-connection': FIELD.drop,
  te: FIELD.drop,
  // It would send visitors past the edge, or to a port that the relay does not serve.
  'alt-svc': FIELD.drop,
};

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/;
const MAX_FIELDS = 500;

const judged = new Map<string, Field>();
const MAX_JUDGED = 1000;

function classify(name: string): Field {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const special = Object.hasOwn(SPECIAL, lower) ? SPECIAL[lower] : undefined;
  const kind = TOKEN.test(name) ? (special ?? FIELD.pass) : FIELD.bad;
  if (judged.size < MAX_JUDGED && name.length <= 64) judged.set(name, kind);
  return kind;
}

/** How the end of an answer's body is found (RFC 9112 §6.3). */
export type ResponseFraming = 'none' | 'length' | 'chunked' | 'close';

/** The head of a service's answer, without the fields of its hop. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** End-to-end fields that pass, names and values in turn; without those that stand apart here. */
  readonly fields: string[];
  readonly setCookies: readonly string[];
  readonly transportSecurity: string | undefined;
  readonly serviceWorkerAllowed: string | undefined;
  readonly framing: ResponseFraming;
  /** As the service said it, also where no body follows (HEAD, 304). */
  readonly contentLength: string | undefined;
  readonly trailer: string | undefined;
  readonly upgrade: string | undefined;
  readonly connection: string | undefined;
  /** May the connection carry another request? */
  readonly isReusable: boolean;
  /** Seconds that the service says it keeps an idle connection. */
  readonly keepAliveSeconds: number | undefined;
}

/** An answer that HTTP does not allow; the connection it came on must not be used again. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer';
}

/**
 * Reads a response head strictly (RFC 9112).
 * @param text the head without the empty line at its end, as latin1
 * @param method of the request that it answers
 * @throws BadAnswer
 */
export function readResponseHead(text: string, method: string): ResponseHead {
  const lineEnd = text.indexOf('\r\n');
  const statusLine = STATUS_LINE.exec(lineEnd < 0 ? text : text.slice(0, lineEnd));
  if (!statusLine || CONTROL.test(statusLine[3] ?? '')) throw new BadAnswer('odd status line');
  const reader = new HeadReader();
  let at = lineEnd < 0 ? text.length : lineEnd + 2;
  while (at < text.length) {
    const end = text.indexOf('\r\n', at);
    const stop = end < 0 ? text.length : end;
    const colon = text.indexOf(':', at);
    if (colon < 0 || colon > stop) throw new BadAnswer('a line without a colon');
    reader.take(text.slice(at, colon), text.slice(colon + 1, stop).trim());
    at = stop + 2;
  }
  return reader.finish(Number(statusLine[2]), statusLine[3] ?? '', statusLine[1] === '1', method);
}

class HeadReader {
  readonly fields: string[] = [];
  setCookies: string[] = NO_COOKIES;
  transportSecurity: string | undefined;
  serviceWorkerAllowed: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  connection: string | undefined;
  upgrade: string | undefined;
  trailer: string | undefined;
  keepAliveSeconds: number | undefined;

  take(name: string, value: string): void {
    if (CONTROL.test(value)) throw new BadAnswer('a control character in a field');
    switch (classify(name)) {
      case FIELD.pass:
        if (this.fields.push(name, value) > MAX_FIELDS * 2) throw new BadAnswer('too many fields');
        return;
      case FIELD.drop:
        return;
      case FIELD.contentLength:
        if (this.contentLength !== undefined || !/^\d{1,15}$/.test(value)) throw new BadAnswer('odd length');
        this.contentLength = value;
        return;
      case FIELD.transferEncoding:
        if (this.transferEncoding !== undefined || value.toLowerCase() !== 'chunked') {
          throw new BadAnswer('odd transfer-encoding');
        }
        this.transferEncoding = value;
        return;
      case FIELD.connection:
        this.connection = join(this.connection, value.toLowerCase());
        return;
      case FIELD.setCookie:
        if (this.setCookies === NO_COOKIES) this.setCookies = [];
        this.setCookies.push(value);
        return;
      case FIELD.transportSecurity:
        // RFC 6797 §8.1: only the first counts.
        this.transportSecurity ??= value;
        return;
      case FIELD.serviceWorkerAllowed:
        this.serviceWorkerAllowed ??= value;
        return;
      case FIELD.upgrade:
        this.upgrade = join(this.upgrade, value);
        return;
      case FIELD.trailer:
        this.trailer = join(this.trailer, value);
        return;
      case FIELD.keepAlive:
        this.keepAliveSeconds = Number(/(?:^|[,\s])timeout=(\d{1,6})/i.exec(value)?.[1] ?? Number.NaN);
        return;
      case FIELD.bad:
        throw new BadAnswer('odd field name');
    }
  }

  finish(status: number, reason: string, isHttp11: boolean, method: string): ResponseHead {
    const framing = this.#framing(status, isHttp11, method);
    const tokens =
      this.connection === undefined ? NO_TOKENS : this.connection.split(',').map((token) => token.trim());
    if (tokens.length > 0) this.#dropNamed(tokens);
    return {
      status,
      reason,
      fields: this.fields,
      setCookies: this.setCookies,
      transportSecurity: this.transportSecurity,
      serviceWorkerAllowed: this.serviceWorkerAllowed,
      framing,
      contentLength: status === 204 || this.transferEncoding !== undefined ? undefined : this.contentLength,
      trailer: this.trailer,
      upgrade: this.upgrade,
      connection: this.connection,
      isReusable: isHttp11 && framing !== 'close' && !tokens.includes('close'),
      keepAliveSeconds: this.keepAliveSeconds,
    };
  }

  #framing(status: number, isHttp11: boolean, method: string): ResponseFraming {
    if (this.transferEncoding !== undefined && (this.contentLength !== undefined || !isHttp11)) {
      throw new BadAnswer('two framings');
    }
    if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none';
    if (this.transferEncoding !== undefined) return 'chunked';
    if (this.contentLength === undefined) return 'close';
    return Number(this.contentLength) === 0 ? 'none' : 'length';
  }

  #dropNamed(tokens: readonly string[]): void {
    if (tokens.every((token) => token === 'keep-alive' || token === 'close' || token === 'upgrade')) return;
    for (let index = this.fields.length - 2; index >= 0; index -= 2) {
      if (tokens.includes((this.fields[index] as string).toLowerCase())) this.fields.splice(index, 2);
    }
  }
}

const NO_COOKIES: string[] = [];
const NO_TOKENS: readonly string[] = [];

function join(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

/** Fields that mean something only before a body (RFC 9110 §6.5.1); a trailer cannot carry them. */
const NOT_IN_TRAILERS =
  /^(?:content-|transfer-encoding$|host$|trailer$|te$|connection$|keep-alive$|upgrade$|set-cookie$|cookie$|authorization$|www-authenticate$|proxy-|cache-control$|expires$|location$|vary$|date$|age$|retry-after$|strict-transport-security$|clear-site-data$|alt-svc$|x-forwarded)/i;

/**
 * Reads the trailer section of a chunked answer.
 * @returns names and values in turn
 * @throws BadAnswer
 */
export function readTrailers(text: string): string[] {
  const trailers: string[] = [];
  for (const line of text === '' ? [] : text.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (colon < 1 || !TOKEN.test(name) || CONTROL.test(value)) throw new BadAnswer('odd trailer');
    if (!NOT_IN_TRAILERS.test(name)) trailers.push(name, value);
  }
  return trailers;
}
