/** Edits between two words: insert, delete, replace, swap of neighbours (optimal string alignment). */
function distance(from: string, to: string): number {
  let older: number[] = [];
  let old = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const now = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      let cost = Math.min(old[column - 1]! + (isSame ? 0 : 1), old[column]! + 1, now[column - 1]! + 1);
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        cost = Math.min(cost, older[column - 2]! + 1);
      }
      now.push(cost);
    }
    [older, old] = [old, now];
  }
  return old[to.length]!;
}

/**
 * The known word that was probably meant, or none when nothing is near enough.
 * At most a third of the letters may differ; case does not count.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const typed = word.toLowerCase().slice(0, 64);
  let best: { word: string; edits: number } | undefined;
  for (const candidate of known) {
    const edits = distance(typed, candidate.toLowerCase());
    const allowed = Math.max(1, Math.floor(Math.max(typed.length, candidate.length) / 3));
    if (edits <= allowed && (best === undefined || edits < best.edits)) best = { word: candidate, edits };
  }
  return best?.word;
}
