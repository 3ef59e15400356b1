/**
 * One word for a POSIX shell, whatever is in it: between single quotes nothing has a meaning but the quote itself
 * (POSIX 2.2.2). The only function that makes shell text out of data.
 * @throws RangeError for NUL, which no shell can hold
 */
export function quoteForShell(text: string): string {
  if (text.includes('\0')) throw new RangeError('a shell word cannot hold NUL');
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
