/** Where a value of a JSON5 text stands; offsets in UTF-16 units, `end` behind the last one. */
export interface Place {
  readonly kind: 'group' | 'list' | 'plain';
  readonly start: number;
  readonly end: number;
  /** Of a group or a list, in their order. */
  readonly entries: readonly Entry[];
}

/** One member of a group, or one element of a list. */
export interface Entry {
  /** As it is written; empty in a list. */
  readonly key: string;
  /** Of the key, or of the value in a list. */
  readonly start: number;
  readonly value: Place;
  /** Offset of the comma behind it. */
  readonly comma: number | undefined;
}

/** Blanks and comments (JSON5 section 8 and 7). */
const GAP = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)+/y;
const TEXT = /"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'/y;
/** A name, a number or a literal. */
const WORD = /[^\s,:{}[\]"'/]+/y;

/**
 * Finds where everything stands in a text that a JSON5 parser has taken; it judges nothing.
 * @throws RangeError when the text is not what that parser would take
 */
export function findPlaces(text: string): Place {
  const reader = new Reader(text);
  reader.skipGap();
  return reader.readValue();
}

/** Comments as they are written, in their order. */
export function findComments(text: string): readonly string[] {
  return [
    ...text.matchAll(/"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'|(\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)/g),
  ]
    .map(([, comment]) => comment)
    .filter((comment) => comment !== undefined);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  skipGap(): void {
    GAP.lastIndex = this.#at;
    if (GAP.test(this.#text)) this.#at = GAP.lastIndex;
  }

  readValue(): Place {
    const start = this.#at;
    const open = this.#text[start];
    if (open === '{' || open === '[') {
      const entries = this.#readEntries(open === '{');
      return { kind: open === '{' ? 'group' : 'list', start, end: this.#at, entries };
    }
    this.#readScalar();
    return { kind: 'plain', start, end: this.#at, entries: [] };
  }

  /** From the opening bracket to behind the closing one. */
  #readEntries(hasKeys: boolean): Entry[] {
    const close = hasKeys ? '}' : ']';
    const entries: Entry[] = [];
    this.#at++;
    for (this.skipGap(); this.#text[this.#at] !== close; this.skipGap()) {
      entries.push(this.#readEntry(hasKeys));
    }
    this.#at++;
    return entries;
  }

  #readEntry(hasKeys: boolean): Entry {
    const start = this.#at;
    let key = '';
    if (hasKeys) {
      key = this.#readScalar();
      this.skipGap();
      if (this.#text[this.#at] !== ':') throw new RangeError(`no colon at ${this.#at}`);
      this.#at++;
      this.skipGap();
    }
    const value = this.readValue();
    this.skipGap();
    const comma = this.#text[this.#at] === ',' ? this.#at++ : undefined;
    return { key, start, value, comma };
  }

  #readScalar(): string {
    for (const pattern of [TEXT, WORD]) {
      pattern.lastIndex = this.#at;
      const found = pattern.exec(this.#text)?.[0];
      if (found === undefined) continue;
      this.#at += found.length;
      return found;
    }
    throw new RangeError(`no value at ${this.#at}`);
  }
}
