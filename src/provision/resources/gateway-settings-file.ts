import { isDeepStrictEqual } from 'node:util';
import json5 from 'json5';
import { type Entry, type Place, findComments, findPlaces } from './gateway-settings-places.ts';
import { type Edit, withEdits } from './gateway-settings-values.ts';

export type EditResult =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

/** The settings as the gateway reads them. @returns undefined when the text is no JSON5 */
export function parseSettings(text: string): unknown {
  try {
    return json5.parse(text);
  } catch {
    return undefined;
  }
}

/** Is there nothing in the text that a program which writes plain JSON would lose? */
export function isPlainJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Edits a settings file in place: not a byte of everything else changes. The result counts only when a JSON5 parser
 * reads from it exactly what was wanted and every comment is still there; else the file is better left alone.
 */
export function editSettings(text: string, edits: readonly Edit[]): EditResult {
  if (edits.length === 0) return { ok: true, text };
  const before = parseSettings(text);
  if (before === undefined) return { ok: false, reason: 'it is not valid JSON5' };
  let edited = text;
  try {
    for (const edit of edits) edited = applyEdit(edited, edit);
  } catch (error) {
    return { ok: false, reason: `it cannot be edited: ${(error as Error).message}` };
  }
  if (!isDeepStrictEqual(parseSettings(edited), withEdits(before, edits))) {
    return {
      ok: false,
      reason: 'a key stands in it twice, or it says something that cannot be edited safely',
    };
  }
  if (!isDeepStrictEqual(findComments(edited), findComments(text))) {
    return { ok: false, reason: 'a comment stands where the edit would lose it' };
  }
  return { ok: true, text: edited };
}

function applyEdit(text: string, { path, value }: Edit): string {
  let group = findPlaces(text);
  const style = styleOf(text, group);
  for (const [at, key] of path.entries()) {
    const entry = group.entries.findLast((one) => nameOf(one) === key);
    if (!entry) return value === undefined ? text : insert(text, group, member(path.slice(at), value, style));
    if (at < path.length - 1) {
      group = entry.value;
      continue;
    }
    if (value === undefined) return remove(text, group, entry);
    if (typeof value === 'string' || entry.value.kind !== 'list') {
      return splice(text, entry.value.start, entry.value.end, write(value, style));
    }
    return changeList(text, path, value, style);
  }
  return text;
}

/** A key's name, whatever it is written like. */
function nameOf({ key }: Entry): string {
  return Object.keys(json5.parse<object>(`{${key}:0}`))[0] ?? '';
}

/** Entries that stay are not touched. */
function changeList(text: string, path: readonly string[], wanted: readonly string[], style: Style): string {
  const listIn = (now: string): Place =>
    path.reduce<Place>(
      (group, key) => group.entries.findLast((one) => nameOf(one) === key)?.value as Place,
      findPlaces(now),
    );
  const contentOf = (now: string, { value }: Entry): string => json5.parse(now.slice(value.start, value.end));
  let now = text;
  for (;;) {
    const list = listIn(now);
    const unwanted = list.entries.find((entry) => !wanted.includes(contentOf(now, entry)));
    if (!unwanted) break;
    now = remove(now, list, unwanted);
  }
  const present = listIn(now).entries.map((entry) => contentOf(now, entry));
  for (const entry of wanted.filter((one) => !present.includes(one))) {
    now = insert(now, listIn(now), quoted(entry, style));
  }
  return now;
}

const splice = (text: string, start: number, end: number, replacement: string): string =>
  text.slice(0, start) + replacement + text.slice(end);

/**
 * Puts an entry behind the last one: on a line of its own where the closing bracket has one, else behind the last
 * value. A comma at the end is kept where there is one, and not made where there is none.
 */
function insert(text: string, container: Place, entry: string): string {
  const last = container.entries.at(-1);
  const close = container.end - 1;
  const closeLine = startOfLine(text, close);
  const hasOwnLine = closeLine > container.start && isBlank(text.slice(closeLine, close));
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  if (!last) {
    if (!hasOwnLine) return splice(text, container.start + 1, container.start + 1, entry);
    return splice(text, closeLine, closeLine, `${text.slice(closeLine, close)}  ${entry}${end}`);
  }
  if (hasOwnLine && startOfLine(text, last.start) > container.start) {
    const indent = /^\s*/.exec(text.slice(startOfLine(text, last.start), last.start))?.[0] ?? '';
    const line = `${indent}${entry}${last.comma === undefined ? '' : ','}${end}`;
    const withLine = splice(text, closeLine, closeLine, line);
    return last.comma === undefined ? splice(withLine, last.value.end, last.value.end, ',') : withLine;
  }
  if (last.comma !== undefined) return splice(text, last.comma + 1, last.comma + 1, ` ${entry},`);
  return splice(text, last.value.end, last.value.end, `, ${entry}`);
}

/** Takes an entry out with one comma, and with its line where nothing else stands there. */
function remove(text: string, container: Place, entry: Entry): string {
  const index = container.entries.indexOf(entry);
  const before = container.entries[index - 1];
  if (entry.comma === undefined) {
    if (before?.comma !== undefined && isBlank(text.slice(before.comma + 1, entry.start))) {
      return splice(text, before.comma, entry.value.end, '');
    }
    const without = cut(text, entry.start, entry.value.end);
    return before?.comma === undefined ? without : splice(without, before.comma, before.comma + 1, '');
  }
  if (isBlank(text.slice(entry.value.end, entry.comma))) return cut(text, entry.start, entry.comma + 1);
  return cut(splice(text, entry.comma, entry.comma + 1, ''), entry.start, entry.value.end);
}

function cut(text: string, start: number, end: number): string {
  const lineStart = startOfLine(text, start);
  const rest = /^[ \t]*(?:\r?\n)/.exec(text.slice(end))?.[0];
  if (rest === undefined || lineStart === 0 || !isBlank(text.slice(lineStart, start))) {
    const blank = /,([ \t]*)$/.exec(text.slice(0, start))?.[1] ?? '';
    return splice(text, start - blank.length, end, '');
  }
  return splice(text, lineStart, end + rest.length, '');
}

const startOfLine = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1;

const isBlank = (text: string): boolean => text.trim() === '';

/** How the file writes its keys and texts. */
interface Style {
  readonly quote: '"' | "'";
  readonly hasBareKeys: boolean;
}

function styleOf(text: string, root: Place): Style {
  const first = root.entries[0]?.key ?? '"';
  if (first.startsWith('"')) return { quote: '"', hasBareKeys: false };
  const texts = findTexts(text);
  const singles = texts.filter((one) => one.startsWith("'")).length;
  return { quote: singles * 2 > texts.length ? "'" : '"', hasBareKeys: !first.startsWith("'") };
}

const findTexts = (text: string): readonly string[] =>
  text.match(/"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/g) ?? [];

function member(path: readonly string[], value: string | readonly string[], style: Style): string {
  const [key = '', ...inner] = path;
  const name = style.hasBareKeys && /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key, style);
  return `${name}: ${inner.length === 0 ? write(value, style) : `{ ${member(inner, value, style)} }`}`;
}

function write(value: string | readonly string[], style: Style): string {
  if (typeof value === 'string') return quoted(value, style);
  return `[${value.map((entry) => quoted(entry, style)).join(', ')}]`;
}

function quoted(text: string, { quote }: Style): string {
  const inner = JSON.stringify(text).slice(1, -1);
  return quote === '"'
    ? `"${inner}"`
    : `'${inner.replaceAll(String.raw`\"`, '"').replaceAll("'", String.raw`\'`)}'`;
}
