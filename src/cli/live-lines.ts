import { widthOf } from './text-layout.ts';

/** One line about one thing that changes. */
export interface LiveLine {
  /** What it is about. */
  readonly key: string;
  /** On a terminal: shown at once, again and again in the same place. */
  readonly live: string;
  /** Elsewhere: printed each time it differs from the last. */
  readonly plain: string;
}

export interface LiveTarget {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Lines that stay in their place on a terminal, and are printed one by one when they change elsewhere. */
export class LiveLines {
  readonly #target: LiveTarget;
  #printed = new Map<string, string>();
  /** Rows of the terminal that the lines take now. */
  #rows = 0;

  constructor(target: LiveTarget) {
    this.#target = target;
  }

  update(lines: readonly LiveLine[]): void {
    if (this.#target.isTTY) return this.#redraw(lines);
    for (const { key, plain } of lines) {
      if (this.#printed.get(key) !== plain) this.#target.write(`${plain}\n`);
    }
    this.#printed = new Map(lines.map(({ key, plain }) => [key, plain]));
  }

  /** Prints something above the lines; the next `update` draws them again. */
  note(text: string): void {
    this.#clear();
    this.#target.write(`${text}\n`);
  }

  #redraw(lines: readonly LiveLine[]): void {
    this.#clear();
    const width = this.#target.columns ?? 80;
    for (const { live } of lines) {
      this.#target.write(`${live}\n`);
      this.#rows += Math.max(1, Math.ceil(widthOf(live) / width));
    }
  }

  #clear(): void {
    if (this.#rows > 0) this.#target.write(`\u001b[${this.#rows}A\u001b[J`);
    this.#rows = 0;
  }
}
