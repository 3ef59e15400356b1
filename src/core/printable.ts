/**
 * Foreign text for a terminal or a log line: control characters (C0, C1, so every escape sequence) and the
 * characters that turn the direction of writing become a visible `\u{…}`; what is too long is cut.
 * @param maxLength UTF-16 units that are kept
 */
export function printable(text: string, maxLength = 200): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replace(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u{${character.charCodeAt(0).toString(16)}}`,
  );
}
