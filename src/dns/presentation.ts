/** The text form of records in zone files, `nsupdate` and provider interfaces (RFC 1035 §5.1). */

const MAX_STRING_BYTES = 255;

/**
 * Text as quoted character strings of at most 255 bytes each: `"a\"b"`. Quotes and backslashes are escaped, everything
 * but printable ASCII becomes `\DDD`, so the result is one line whatever the text holds.
 */
export function quoteText(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  const parts: string[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += MAX_STRING_BYTES) {
    parts.push(quoteBytes(bytes.subarray(start, start + MAX_STRING_BYTES)));
  }
  return parts.join(' ');
}

/** One quoted string, as a CAA value is written: it is never split (RFC 8659 §4.1.1). */
export function quoteValue(text: string): string {
  return quoteBytes(Buffer.from(text, 'utf8'));
}

function quoteBytes(bytes: Uint8Array): string {
  const escaped = Array.from(bytes, (byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`;
  });
  return `"${escaped.join('')}"`;
}

const STRINGS = /^\s*"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*\s*$/s;
const ONE_STRING = /"((?:[^"\\]|\\.)*)"/gs;

/** The text of quoted character strings, joined; text that is not quoted is taken as it is. */
export function unquoteText(content: string): string {
  if (!STRINGS.test(content)) return content;
  const bytes = [...content.matchAll(ONE_STRING)].flatMap(([, inner]) => unescapeBytes(inner ?? ''));
  return Buffer.from(bytes).toString('utf8');
}

function unescapeBytes(inner: string): number[] {
  const bytes: number[] = [];
  for (const [part, code, character] of inner.matchAll(/\\(?:([0-9]{3})|([^0-9]))|[^\\]+/gsu)) {
    if (code !== undefined && Number(code) <= 255) bytes.push(Number(code));
    else bytes.push(...Buffer.from(character ?? part, 'utf8'));
  }
  return bytes;
}
