export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A command as a shell's completion has to know it. */
export interface CompletionEntry {
  /** `['users', 'add']` */
  readonly path: readonly string[];
  readonly summary: string;
  readonly options: readonly string[];
  /** What its argument may be, where that is known. */
  readonly values: readonly string[];
  readonly children: readonly CompletionEntry[];
}

const ROOT_OPTIONS = ['--help', '--version'];

/** Pure. Words are command names, options and fixed values of our own: nothing in them needs quoting, which is checked. */
export function renderCompletion(shell: Shell, entries: readonly CompletionEntry[]): string {
  const all = flatten(entries);
  for (const word of all.flatMap((entry) => wordsOf(entry))) {
    if (!/^[A-Za-z0-9-]+$/.test(word)) throw new Error(`${word} would need quoting`);
  }
  switch (shell) {
    case 'bash':
      return renderBash(entries, all);
    case 'zsh':
      return renderZsh(entries, all);
    case 'fish':
      return renderFish(entries);
  }
}

function flatten(entries: readonly CompletionEntry[]): CompletionEntry[] {
  return entries.flatMap((entry) => [entry, ...flatten(entry.children)]);
}

function wordsOf({ children, values, options }: CompletionEntry): string[] {
  return [...children.map(({ path }) => path.at(-1) ?? ''), ...values, ...options];
}

function rootWords(entries: readonly CompletionEntry[]): string {
  return [...entries.map(({ path }) => path[0]), ...ROOT_OPTIONS].join(' ');
}

/** Cases for `COMMAND` and `COMMAND SUBCOMMAND`; the longer ones stand first. */
function caseLines(all: readonly CompletionEntry[]): string {
  return all
    .toSorted((a, b) => b.path.length - a.path.length)
    .map((entry) => {
      const pattern = entry.path.length > 1 ? `"${entry.path.join(' ')}"*` : `"${entry.path[0]} "*`;
      return `    ${pattern}) words="${wordsOf(entry).join(' ')}" ;;`;
    })
    .join('\n');
}

function renderBash(entries: readonly CompletionEntry[], all: readonly CompletionEntry[]): string {
  return `# bash completion of postern
_postern() {
  local words
  case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${caseLines(all)}
    *) words="" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${rootWords(entries)}"
  fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _postern postern
`;
}

function renderZsh(entries: readonly CompletionEntry[], all: readonly CompletionEntry[]): string {
  return `#compdef postern
_postern() {
  local words_found
  case "$words[2] $words[3]" in
${caseLines(all).replaceAll(' words=', ' words_found=')}
    *) words_found="" ;;
  esac
  if [ "$CURRENT" -eq 2 ]; then
    words_found="${rootWords(entries)}"
  fi
  compadd -- \${=words_found} || _files
}
compdef _postern postern
`;
}

function renderFish(entries: readonly CompletionEntry[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const below = (entry: CompletionEntry): string[] => {
    const seen = `__fish_seen_subcommand_from ${entry.path.at(-1)}`;
    return [
      ...entry.options.map(
        (option) => `complete -c postern -n ${quote(seen)} -l ${option.replace(/^--/, '')}`,
      ),
      ...entry.values.map((value) => `complete -c postern -n ${quote(seen)} -f -a ${value}`),
      ...entry.children.map(
        (child) =>
          `complete -c postern -n ${quote(seen)} -f -a ${child.path.at(-1)} -d ${quote(child.summary)}`,
      ),
      ...entry.children.flatMap(below),
    ];
  };
  const roots = entries.map(
    ({ path, summary }) =>
      `complete -c postern -n __fish_use_subcommand -f -a ${path[0]} -d ${quote(summary)}`,
  );
  return ['# fish completion of postern', ...roots, ...entries.flatMap(below), ''].join('\n');
}
