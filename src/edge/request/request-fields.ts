/** What the edge does with a field of a request. */
export const REQUEST_FIELD = {
  pass: 0,
  drop: 1,
  pseudo: 2,
  host: 3,
  cookie: 4,
  authorization: 5,
  origin: 6,
  contentLength: 7,
  transferEncoding: 8,
  connection: 9,
  expect: 10,
  userAgent: 11,
  accept: 12,
  acceptLanguage: 13,
  secFetchSite: 14,
  serviceWorker: 15,
  contentType: 16,
  secFetchDest: 17,
  upgrade: 18,
  forwardedFor: 19,
  bad: 20,
} as const;

export type RequestField = (typeof REQUEST_FIELD)[keyof typeof REQUEST_FIELD];

const SPECIAL: Readonly<Record<string, RequestField>> = {
  host: REQUEST_FIELD.host,
  cookie: REQUEST_FIELD.cookie,
  authorization: REQUEST_FIELD.authorization,
  origin: REQUEST_FIELD.origin,
  'content-length': REQUEST_FIELD.contentLength,
  'transfer-encoding': REQUEST_FIELD.transferEncoding,
  connection: REQUEST_FIELD.connection,
  expect: REQUEST_FIELD.expect,
  'user-agent': REQUEST_FIELD.userAgent,
  accept: REQUEST_FIELD.accept,
  'accept-language': REQUEST_FIELD.acceptLanguage,
  'sec-fetch-site': REQUEST_FIELD.secFetchSite,
  'sec-fetch-dest': REQUEST_FIELD.secFetchDest,
  'service-worker': REQUEST_FIELD.serviceWorker,
  'content-type': REQUEST_FIELD.contentType,
  upgrade: REQUEST_FIELD.upgrade,
  'x-forwarded-for': REQUEST_FIELD.forwardedFor,
};

/** Fields of one hop (RFC 9110 §7.6.1); `trailer` because request trailers are dropped. */
const HOP_BY_HOP = ['keep-alive', 'proxy-connection', 'te', 'trailer', 'http2-settings'];

/** Fields by which proxies tell a service who or where the visitor is, or what it asked for: only the edge may say so. */
const CLAIMS = [
  'forwarded',
  'proxy',
  'client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'fastly-client-ip',
  'fly-client-ip',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-url',
  'x-original-host',
  'x-rewrite-url',
  'x-host',
  'x-user',
  'x-email',
  'x-remote-user',
  'x-authenticated-user',
  'x-http-method-override',
];
const CLAIM_PREFIXES = [
  'x-forwarded',
  'x-original-forwarded',
  'tailscale-',
  'remote-',
  'proxy-auth',
  'x-auth-request-',
  'x-authentik-',
  'x-pomerium-',
  'x-webauth-',
  'x-goog-authenticated-user',
  'x-ms-client-principal',
  'cf-access-',
  'ssl-client-',
  'x-ssl-client-',
  'x-client-cert',
  'x-appengine-',
  'x-envoy-',
];

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Names as visitors write them, already judged; bounded, because visitors choose them. */
const judged = new Map<string, RequestField>();
const MAX_JUDGED = 1000;
const MAX_JUDGED_NAME = 64;

/** @param name as it came, in any case */
export function classifyRequestField(name: string): RequestField {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const kind = judge(name);
  if (judged.size < MAX_JUDGED && name.length <= MAX_JUDGED_NAME) judged.set(name, kind);
  return kind;
}

function judge(name: string): RequestField {
  if (name.startsWith(':')) return REQUEST_FIELD.pseudo;
  if (!TOKEN.test(name)) return REQUEST_FIELD.bad;
  const lower = name.toLowerCase();
  const special = Object.hasOwn(SPECIAL, lower) ? SPECIAL[lower] : undefined;
  if (special !== undefined) return special;
  // Many services read `X_Forwarded_For` as `X-Forwarded-For` (CGI's rule), so both are the same here.
  const dashed = lower.replaceAll('_', '-');
  const isOursToSay =
    HOP_BY_HOP.includes(dashed) ||
    CLAIMS.includes(dashed) ||
    CLAIM_PREFIXES.some((prefix) => dashed.startsWith(prefix)) ||
    // A spelling that a service could read as one of the fields that the edge judges.
    (dashed !== lower && Object.hasOwn(SPECIAL, dashed));
  return isOursToSay ? REQUEST_FIELD.drop : REQUEST_FIELD.pass;
}
