/** One directive of nginx's configuration with what it stands in. */
export interface NginxDirective {
  readonly name: string;
  readonly args: readonly string[];
  readonly file: string;
  readonly line: number;
  /** Names of the blocks around it, outermost first: `['stream', 'server']`. */
  readonly context: readonly string[];
}

interface Token {
  readonly text: string;
  readonly isQuoted: boolean;
  readonly line: number;
}

const TOKEN =
  /#[^\n]*|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'|[{};]|(?:\\[\s\S]|\$\{[^}\n]{0,80}\}|[^\s{};"'\\])+|\\|["']/g;

/** nginx itself has no use for more; a hostile text has. */
const DEPTH_MOST = 8;

/**
 * The directives in the output of `nginx -T`, each with its file and line. A block is a directive as well. Foreign
 * text: whatever it is, the result is a list. Blocks of other languages (Lua) come out as odd directives.
 */
export function parseNginxDump(dump: string): readonly NginxDirective[] {
  return splitFiles(dump).flatMap(({ file, text }) => parseFile(file, text));
}

function splitFiles(dump: string): { file: string; text: string }[] {
  const parts = dump.split(/^# configuration file (.*):$/m);
  const files = [];
  for (let index = 1; index + 1 < parts.length; index += 2) {
    files.push({ file: parts[index] ?? '', text: (parts[index + 1] ?? '').replace(/^\n/, '') });
  }
  return files;
}

function parseFile(file: string, text: string): NginxDirective[] {
  const directives: NginxDirective[] = [];
  const context: string[] = [];
  let words: Token[] = [];
  const emit = (): void => {
    const [name, ...args] = words;
    if (name) {
      const found = { name: name.text, args: args.map((arg) => arg.text), file, line: name.line };
      directives.push({ ...found, context: context.slice(0, DEPTH_MOST) });
    }
    words = [];
  };
  for (const token of tokensOf(text)) {
    if (token.isQuoted || !/^[{};]$/.test(token.text)) words.push(token);
    else if (token.text === ';') emit();
    else if (token.text === '{') {
      const name = words[0]?.text ?? '';
      emit();
      context.push(name);
    } else {
      emit();
      context.pop();
    }
  }
  return directives;
}

function* tokensOf(text: string): Generator<Token> {
  let line = 1;
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    for (; at < match.index; at++) if (text.charCodeAt(at) === 10) line++;
    const [whole] = match;
    if (whole.startsWith('#')) continue;
    const isQuoted = whole.length > 1 && /^["']/.test(whole);
    yield { text: isQuoted ? whole.slice(1, -1) : whole, isQuoted, line };
  }
}

/** A TCP port that nginx listens on. */
export interface NginxListen {
  readonly port: number;
  /** `*`, an address, or `[…]`. */
  readonly address: string;
  readonly kind: 'http' | 'stream';
  readonly file: string;
  readonly line: number;
}

/**
 * Every `listen` of http and stream servers. An included file's dump does not say what it was included from, so a
 * server without a block around it counts as http unless `streamFiles` knows it.
 */
export function listensOf(
  directives: readonly NginxDirective[],
  isStreamFile: (file: string) => boolean,
): readonly NginxListen[] {
  return directives.flatMap((directive) => {
    if (directive.name !== 'listen' || directive.context.at(-1) !== 'server') return [];
    const found = readListen(directive.args[0] ?? '');
    if (found === undefined) return [];
    const isStream = directive.context[0] === 'stream' || isStreamFile(directive.file);
    const { file, line } = directive;
    return [{ ...found, kind: isStream ? ('stream' as const) : ('http' as const), file, line }];
  });
}

/** `443`, `1.2.3.4:443`, `[::]:443`, `*:443`, `example.com`, `[::1]`; a unix socket has no port. */
function readListen(text: string): { port: number; address: string } | undefined {
  if (text.startsWith('unix:')) return undefined;
  if (/^\d{1,5}$/.test(text)) return { port: Number(text), address: '*' };
  const match = /^(\[[^\]]*\]|[^:]+)(?::(\d{1,5}))?$/.exec(text);
  return match ? { address: match[1] ?? '*', port: Number(match[2] ?? 80) } : undefined;
}
