import { widthOf } from './text-layout.ts';

/** One line about something that changes. */
export interface LiveLine {
  /** Where no line can be written over, the text is printed when this changes. */
  readonly state: string;
  readonly text: string;
}

export interface LiveTarget {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Lines that stay in their place on a terminal; elsewhere each is printed once for each state. */
export class LiveLines {
  readonly #target: LiveTarget;
  #lines: readonly LiveLine[] = [];
  #states: readonly string[] = [];
  /** Rows of the terminal that the lines take now. */
  #rows = 0;

  constructor(target: LiveTarget = process.stderr) {
    this.#target = target;
  }

  show(lines: readonly LiveLine[]): void {
    if (this.#target.isTTY) {
      if (lines.length === this.#lines.length && lines.every(({ text }, i) => text === this.#lines[i]?.text))
        return;
      this.#clear();
      this.#lines = lines;
      this.#draw();
      return;
    }
    lines.forEach(({ state, text }, index) => {
      if (state !== this.#states[index]) this.#target.write(`${text}\n`);
    });
    this.#states = lines.map(({ state }) => state);
  }

  /** Prints something above the lines. */
  note(text: string): void {
    this.#clear();
    this.#target.write(`${text}\n`);
    this.#draw();
  }

  #draw(): void {
    const width = this.#target.columns ?? 80;
    if (this.#lines.length > 0) this.#target.write(this.#lines.map(({ text }) => `${text}\n`).join(''));
    this.#rows = this.#lines.reduce(
      (rows, { text }) => rows + Math.max(1, Math.ceil(widthOf(text) / width)),
      0,
    );
  }

  #clear(): void {
    if (this.#rows > 0) this.#target.write(`\u001b[${this.#rows}F\u001b[J`);
    this.#rows = 0;
  }
}
