import { REQUEST_FIELD, classifyRequestField } from './request-fields.ts';

/** Why a head is refused, as the status of the answer. */
export type HeadRefusal = 400 | 414 | 417 | 431;

export interface HeadLimits {
  readonly headerBytes: number;
  readonly headerFields: number;
  readonly urlBytes: number;
}

/** A control character in a value would be a line of its own at the service. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
/** Origin-form only (RFC 9112 §3.2.1); no control character, no space, no fragment. */
const ORIGIN_FORM = /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/;

/** A request head, judged field by field: what decisions are made on, and the fields that may pass as text. */
export class RequestHead {
  readonly method: string;
  readonly target: string;
  host: string | undefined;
  cookie: string | undefined;
  authorization: string | undefined;
  origin: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  connection: string | undefined;
  expect: string | undefined;
  userAgent: string | undefined;
  accept: string | undefined;
  acceptLanguage: string | undefined;
  secFetchSite: string | undefined;
  secFetchDest: string | undefined;
  serviceWorker: string | undefined;
  contentType: string | undefined;
  upgrade: string | undefined;
  forwardedFor: string | undefined;
  /** Of a WebSocket handshake: the visitor's, or the one that the edge makes for HTTP/2. */
  webSocketKey: string | undefined;
  /** The fields that pass as they are, as lines of HTTP/1.1. */
  passed = '';
  readonly rawFields: readonly string[];

  constructor(method: string, target: string, rawFields: readonly string[]) {
    this.method = method;
    this.target = target;
    this.rawFields = rawFields;
  }

  /** The target without its query, for logs and path rules. */
  get path(): string {
    const query = this.target.indexOf('?');
    return query < 0 ? this.target : this.target.slice(0, query);
  }

  /** Does a body follow? By its framing alone, never by the method. */
  get hasBody(): boolean {
    return this.transferEncoding !== undefined || Number(this.contentLength ?? 0) > 0;
  }
}

/**
 * Reads a request head strictly.
 * @param rawFields names and values in turn, as they came (node's rawHeaders)
 * @param isHttp2 in HTTP/2 several cookie fields are one (RFC 9113 §8.2.3)
 * @returns the head, or the status of the refusal
 */
export function readRequestHead(
  method: string,
  target: string,
  rawFields: readonly string[],
  isHttp2: boolean,
  limits: HeadLimits,
): RequestHead | HeadRefusal {
  if (target.length > limits.urlBytes) return 414;
  if (!ORIGIN_FORM.test(target)) return 400;
  const head = new RequestHead(method, target, rawFields);
  let bytes = method.length + target.length + 12;
  let fields = 0;
  let hasCrumb = false;
  for (let index = 0; index < rawFields.length; index += 2) {
    const name = rawFields[index] as string;
    const value = rawFields[index + 1] as string;
    const kind = classifyRequestField(name);
    if (kind === REQUEST_FIELD.pseudo) continue;
    bytes += name.length + value.length + 4;
    if (kind === REQUEST_FIELD.cookie && isHttp2) {
      if (!hasCrumb) fields++;
      hasCrumb = true;
    } else fields++;
    if (CONTROL.test(value)) return 400;
    if (!takeField(head, kind, name, value, isHttp2)) return 400;
  }
  if (bytes > limits.headerBytes || fields > limits.headerFields) return 431;
  if (head.host === undefined && !isHttp2) return 400;
  if (head.connection !== undefined) dropNamedByConnection(head, head.connection);
  return judgeFraming(head);
}

/** @returns false when the field refuses the whole request: it came twice, or it is no field at all */
function takeField(head: RequestHead, kind: number, name: string, value: string, isHttp2: boolean): boolean {
  switch (kind) {
    case REQUEST_FIELD.pass:
      head.passed += `${name}: ${value}\r\n`;
      return true;
    case REQUEST_FIELD.drop:
      return true;
    case REQUEST_FIELD.host:
      if (head.host !== undefined) return false;
      head.host = value;
      return true;
    case REQUEST_FIELD.cookie:
      if (head.cookie !== undefined && !isHttp2) return false;
      head.cookie = head.cookie === undefined ? value : `${head.cookie}; ${value}`;
      return true;
    case REQUEST_FIELD.authorization:
      if (head.authorization !== undefined) return false;
      head.authorization = value;
      return true;
    case REQUEST_FIELD.contentLength:
      if (head.contentLength !== undefined || !/^\d{1,15}$/.test(value)) return false;
      head.contentLength = value;
      return true;
    case REQUEST_FIELD.transferEncoding:
      if (head.transferEncoding !== undefined || value.toLowerCase() !== 'chunked') return false;
      head.transferEncoding = value;
      return true;
    case REQUEST_FIELD.connection:
      head.connection = head.connection === undefined ? value : `${head.connection},${value}`;
      return true;
    case REQUEST_FIELD.expect:
      if (head.expect !== undefined) return false;
      head.expect = value;
      return true;
    case REQUEST_FIELD.upgrade:
      head.upgrade = head.upgrade === undefined ? value : `${head.upgrade},${value}`;
      return true;
    case REQUEST_FIELD.forwardedFor:
      // Read behind the relay's own nginx only (tls: relay), which writes exactly one.
      head.forwardedFor = head.forwardedFor === undefined ? value : `${head.forwardedFor},${value}`;
      return true;
    default:
      return takePassedFact(head, kind, name, value);
  }
}

/** Fields that pass to the service and are facts of the decision too. */
function takePassedFact(head: RequestHead, kind: number, name: string, value: string): boolean {
  head.passed += `${name}: ${value}\r\n`;
  switch (kind) {
    case REQUEST_FIELD.origin:
      if (head.origin !== undefined) return false;
      head.origin = value;
      return true;
    case REQUEST_FIELD.userAgent:
      if (head.userAgent !== undefined) return false;
      head.userAgent = value;
      return true;
    case REQUEST_FIELD.accept:
      head.accept = head.accept === undefined ? value : `${head.accept}, ${value}`;
      return true;
    case REQUEST_FIELD.acceptLanguage:
      head.acceptLanguage = head.acceptLanguage === undefined ? value : `${head.acceptLanguage}, ${value}`;
      return true;
    case REQUEST_FIELD.secFetchSite:
      if (head.secFetchSite !== undefined) return false;
      head.secFetchSite = value;
      return true;
    case REQUEST_FIELD.secFetchDest:
      if (head.secFetchDest !== undefined) return false;
      head.secFetchDest = value;
      return true;
    case REQUEST_FIELD.serviceWorker:
      if (head.serviceWorker !== undefined) return false;
      head.serviceWorker = value;
      return true;
    case REQUEST_FIELD.contentType:
      if (head.contentType !== undefined) return false;
      head.contentType = value;
      return true;
    default:
      return false;
  }
}

/** What Connection names is meant for this hop alone (RFC 9110 §7.6.1). Host and the framing are the edge's in any case. */
function dropNamedByConnection(head: RequestHead, connection: string): void {
  const named = connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  if (named.every((name) => name === 'keep-alive' || name === 'close' || name === 'upgrade')) return;
  let passed = '';
  for (let index = 0; index < head.rawFields.length; index += 2) {
    const name = head.rawFields[index] as string;
    if (named.includes(name.toLowerCase())) continue;
    const kind = classifyRequestField(name);
    const isPassed =
      kind === REQUEST_FIELD.pass ||
      (kind >= REQUEST_FIELD.userAgent && kind <= REQUEST_FIELD.secFetchDest) ||
      kind === REQUEST_FIELD.origin;
    if (isPassed) passed += `${name}: ${head.rawFields[index + 1]}\r\n`;
  }
  head.passed = passed;
  if (named.includes('cookie')) head.cookie = undefined;
  if (named.includes('authorization')) head.authorization = undefined;
}

function judgeFraming(head: RequestHead): RequestHead | HeadRefusal {
  if (head.contentLength !== undefined && head.transferEncoding !== undefined) return 400;
  if (head.expect !== undefined && head.expect.toLowerCase() !== '100-continue') return 417;
  return head;
}
