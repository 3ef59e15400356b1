/** Cuts a stream of bytes into lines, of which none is longer than `maxBytes`: the other end may be hostile. */
export class LineReader {
  readonly #maxBytes: number;
  readonly #onLine: (line: string) => void;
  readonly #onTooLong: () => void;
  #rest = '';

  /**
   * @param maxBytes most bytes of a line
   * @param onLine called with each whole line, without its end
   * @param onTooLong called when a line is longer; what was read of it is forgotten
   */
  constructor(maxBytes: number, onLine: (line: string) => void, onTooLong: () => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#onTooLong = onTooLong;
  }

  push(chunk: Buffer): void {
    // latin1: one character for each byte, so that lengths are bytes and nothing is ever half a character.
    const parts = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = parts.pop() ?? '';
    for (const line of parts) this.#take(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (this.#rest.length > this.#maxBytes) {
      this.#rest = '';
      this.#onTooLong();
    }
  }

  #take(line: string): void {
    if (line.length > this.#maxBytes) this.#onTooLong();
    else this.#onLine(line);
  }
}
