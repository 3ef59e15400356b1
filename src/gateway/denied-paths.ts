/**
 * Paths of an OpenClaw gateway where one secret is everything: whoever shows the shared token there needs no paired
 * device and no allowed Origin. They stay shut behind the edge unless the configuration names them in `allow`.
 *
 * The gateway reads a path in several ways: the WHATWG URL parser (so `//x/tools/invoke` is `/tools/invoke` of a host
 * x), a prefix `/__openclaw__/cap/ANYTHING` that it cuts off, `/j/` wherever it stands, and for plugins every stage of
 * repeated percent-decoding in lower case. Instead of repeating that, this file is coarser than all of them:
 * a path in an odd spelling is denied, and a denied path is denied wherever it begins within a path.
 */

/** Segments at whose place a denied path begins; everything below is denied too. */
const DENIED_PATHS: readonly (readonly string[])[] = [
  ['tools', 'invoke'],
  ['v1'],
  ['api', 'v1'],
  ['hooks'],
  ['j'],
  ['__openclaw__', 'worker'],
  ['__openclaw__', 'worker-bundle'],
  ['__openclaw__', 'worker-transfer'],
  ['__openclaw__', 'worker-bootstrap'],
];

/** Nobody has a reason to encode a path more often than this. */
const MAX_DECODE_PASSES = 4;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * May nobody use this path of a `kind: openclaw` service? Fails closed: a path that cannot be understood is denied.
 * @param rawPath the path as the visitor sent it (HTTP/1.1 request target or HTTP/2 `:path`), without the query
 * @param allow paths opened by hand: `/tools/invoke` opens exactly that, `/v1/*` that and everything below;
 *   an entry opens what it names itself and nothing that hides below it, and only in the spelling it is written in
 */
export function isPathDenied(rawPath: string, allow: readonly string[]): boolean {
  const readings = readPath(rawPath);
  if (readings === undefined) return true;
  const matches = readings.flatMap(findDenied);
  if (matches.length === 0) return false;
  const lifted = new Set(
    allow.filter((entry) => isNamedBy(entry, rawPath)).flatMap((entry) => findDenied(splitPath(entry))),
  );
  return matches.some((match) => !lifted.has(match));
}

/** Every way to read the path: as it came, and after each pass of decoding. `undefined`: not a plain path. */
function readPath(rawPath: string): string[][] | undefined {
  if (!/^\/(?!.*\/\/)[!-~]*$/.test(rawPath) || /[#?]/.test(rawPath)) return undefined;
  const readings: string[][] = [];
  let text = rawPath;
  for (let pass = 0; pass <= MAX_DECODE_PASSES; pass++) {
    const segments = splitPath(text);
    if (isOdd(text, segments)) return undefined;
    readings.push(segments);
    const decoded = decodeOnce(text);
    if (decoded === undefined) return undefined;
    if (decoded === text) return readings;
    text = decoded;
  }
  return undefined;
}

/**
 * Segments as a lenient router compares them: compatibility forms and case folded, parameters and white space gone,
 * empty ones left out.
 */
function splitPath(path: string): string[] {
  return path
    .normalize('NFKC')
    .toLowerCase()
    .split('/')
    .map((segment) => segment.replace(/[;?#].*$/s, '').trim())
    .filter((segment) => segment !== '');
}

/** Backslashes, control characters and dot segments: what URL parsers rewrite (WHATWG URL §4.4). */
function isOdd(text: string, segments: readonly string[]): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\\\u0000-\u001f\u007f-\u009f]/.test(text) || segments.some((segment) => /^\.{1,2}$/.test(segment));
}

/** One pass of percent-decoding; `undefined` for a lone `%` and for bytes that are no UTF-8 (overlong forms). */
function decodeOnce(text: string): string | undefined {
  if (!text.includes('%')) return text;
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  try {
    return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
      decoder.decode(Buffer.from(run.replaceAll('%', ''), 'hex')),
    );
  } catch {
    return undefined;
  }
}

/** Which denied paths begin where, as `DEPTH/PATH`. */
function findDenied(segments: readonly string[]): string[] {
  return segments.flatMap((_, depth) =>
    DENIED_PATHS.filter((denied) => denied.every((name, index) => segments[depth + index] === name)).map(
      (denied) => `${depth}/${denied.join('/')}`,
    ),
  );
}

function isNamedBy(entry: string, rawPath: string): boolean {
  if (!entry.endsWith('/*')) return rawPath === entry;
  const folder = entry.slice(0, -2);
  return rawPath === folder || rawPath.startsWith(`${folder}/`);
}
