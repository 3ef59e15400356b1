import {
  type Document,
  LineCounter,
  type Node,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
} from 'yaml';
import { printable } from '../core/printable.ts';
import { type ConfigPath, type Explanation, explainIssue, jsonSchemaOfConfig, keyName } from './explain.ts';
import { type Config, configSchema } from './schema.ts';

/** A mistake and where it is; line and column count from 1. */
export interface ConfigProblem {
  readonly line: number;
  readonly column: number;
  /** What is wrong, and behind a colon what to do. */
  readonly text: string;
}

/** Where a key stands in the text. */
export type Locate = (path: ConfigPath) => { line: number; column: number };

export type ParsedConfig =
  | { readonly kind: 'config'; readonly config: Config; readonly locate: Locate }
  | { readonly kind: 'syntax' | 'invalid'; readonly problems: readonly ConfigProblem[] };

/** Aliases may repeat a node this often in all: a few lines of YAML could otherwise stand for gigabytes. */
const MOST_ALIASES = 100;

/** Reads the text of a configuration: pure, finds all mistakes at once, in the order of the lines. */
export function parseConfig(text: string): ParsedConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    return {
      kind: 'syntax',
      problems: inOrder(broken.map((one) => ({ ...position(lines, one.pos[0]), text: syntaxText(one) }))),
    };
  }
  let input: unknown;
  try {
    input = document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {};
  } catch (error) {
    return { kind: 'syntax', problems: [{ line: 1, column: 1, text: printable((error as Error).message) }] };
  }
  const result = configSchema.safeParse(input);
  const locate: Locate = (path) => position(lines, offsetOf(document, path, false));
  if (result.success) return { kind: 'config', config: result.data, locate };
  const schema = jsonSchemaOfConfig();
  const problems = result.error.issues
    .flatMap((issue) => explainIssue(issue, input, schema))
    .filter(isFirstOfItsKey)
    .map(({ path, isAboutKey, text: what }) => ({
      ...position(lines, offsetOf(document, path, isAboutKey)),
      text: what,
    }));
  return { kind: 'invalid', problems: inOrder(problems) };
}

/** What is wrong with a value in two ways is told once. */
function isFirstOfItsKey(one: Explanation, index: number, all: readonly Explanation[]): boolean {
  return all.findIndex(({ path }) => keyName(path) === keyName(one.path)) === index;
}

function syntaxText(error: { code: string; message: string }): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'a tab stands where YAML wants blanks: indent with blanks';
    case 'DUPLICATE_KEY':
      return 'this key stands here for the second time: remove one of them';
    case 'MULTIPLE_DOCS':
      return 'a second document begins here: one file holds one configuration, so remove the ---';
    case 'TAG_RESOLVE_FAILED':
      return 'this tag means nothing here: remove it';
    default:
      return printable(error.message);
  }
}

function inOrder(problems: ConfigProblem[]): ConfigProblem[] {
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

function position(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Where a path begins in the text; what is missing is placed at the nearest thing above it that exists. */
function offsetOf(document: Document, path: ConfigPath, ofKey: boolean): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  path.forEach((part, index) => {
    if (isAlias(node)) node = node.resolve(document);
    const child = childOf(node, part);
    if (!child) return (node = undefined);
    const wanted = ofKey && index === path.length - 1 ? child.key : (child.value ?? child.key);
    offset = wanted?.range?.[0] ?? offset;
    node = child.value;
  });
  return offset;
}

function childOf(
  node: unknown,
  part: PropertyKey,
): { key: Node | undefined; value: Node | undefined } | undefined {
  if (isSeq(node)) {
    const value = typeof part === 'number' ? node.items[part] : undefined;
    return isNode(value) ? { key: undefined, value } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : undefined) === String(part));
  if (!pair) return undefined;
  return { key: isNode(pair.key) ? pair.key : undefined, value: isNode(pair.value) ? pair.value : undefined };
}
