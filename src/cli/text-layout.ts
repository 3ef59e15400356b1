import { stripVTControlCharacters } from 'node:util';
import { printable } from '../core/printable.ts';
import { systemClock } from '../platform/clock.ts';

const graphemes = new Intl.Segmenter();

/** Columns that a text takes on a terminal, colours not counted. */
export function widthOf(text: string): number {
  return Array.from(graphemes.segment(stripVTControlCharacters(text))).length;
}

/** Rows with columns under each other, two blanks between them; the last column is not filled up. */
export function renderTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, widthOf(cell))));
  }
  return rows.map((row) =>
    row
      .map((cell, index) =>
        index === row.length - 1 ? cell : cell + ' '.repeat((widths[index] ?? 0) - widthOf(cell)),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** A table under its head, of texts that may come from strangers. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return renderTable([head, ...rows.map((row) => row.map((cell) => printable(cell)))]).join('\n');
}

/** Breaks a text at blanks into lines of at most `width` columns, each behind `indent`; longer words stand alone. */
export function wrapText(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(indent) + widthOf(longer) <= width || line === '') {
      line = longer;
    } else {
      lines.push(indent + line);
      line = word;
    }
  }
  if (line !== '') lines.push(indent + line);
  return lines;
}

/** `12 s`, `5 min`, `3 h`, `2 d` */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `5 min ago` */
export function formatAgo(atMs: number, nowMs: number = systemClock.nowMs()): string {
  return `${formatSpan(nowMs - atMs)} ago`;
}
