/**
 * Does a pattern of `*` and `?` match the whole text? Patterns come from relays: a regular expression made of them could
 * take for ever, this takes at most text times pattern.
 * @param star what `*` may stand for, one character at a time; `?` too
 */
export function matchesGlob(
  text: string,
  pattern: string,
  star: (character: string) => boolean = () => true,
): boolean {
  let [at, patternAt] = [0, 0];
  let retry: { at: number; patternAt: number } | undefined;
  while (at < text.length) {
    const [character, wanted] = [text.charAt(at), pattern.charAt(patternAt)];
    if (wanted === '*') {
      patternAt += 1;
      retry = { at, patternAt };
    } else if (wanted === '?' ? star(character) : wanted === character && wanted !== '') {
      at += 1;
      patternAt += 1;
    } else if (retry !== undefined && star(text.charAt(retry.at))) {
      retry.at += 1;
      ({ at, patternAt } = retry);
    } else {
      return false;
    }
  }
  while (pattern.charAt(patternAt) === '*') patternAt += 1;
  return patternAt === pattern.length;
}
