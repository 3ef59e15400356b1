import { posix } from 'node:path';
import { type SourceFile, withoutComments } from './repository.ts';

/** One import of a module. */
export interface Import {
  /** As it is written: `./x.ts`, `node:fs`, `zod`. */
  readonly specifier: string;
  /** Of the repository's own files: the path from the root. */
  readonly path: string | undefined;
  /** Gone when the types are stripped. */
  readonly isTypeOnly: boolean;
}

const FORMS = [
  /\b(?<type>import type|export type)\s[^;'"]*?\sfrom\s+'(?<specifier>[^']+)'/g,
  /\b(?:import|export)\s(?!type\s)[^;'"]*?\bfrom\s+'(?<specifier>[^']+)'/g,
  /\bimport\s+'(?<specifier>[^']+)'/g,
  /\b(?<type>typeof )?import\(\s*'(?<specifier>[^']+)'/g,
];

/** What a file imports: statements, re-exports and `import()`. The repository's formatter keeps these forms. */
export function importsOf(file: SourceFile): readonly Import[] {
  const code = withoutComments(file.text);
  return FORMS.flatMap((form) =>
    [...code.matchAll(form)].map(({ groups }) => {
      const specifier = groups?.['specifier'] ?? '';
      return {
        specifier,
        path: specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : undefined,
        isTypeOnly: groups?.['type'] !== undefined,
      };
    }),
  );
}

/**
 * Import cycles, each as the list of its files. Between folders types count too, since a reader follows them as well;
 * inside one folder two files may name each other's types.
 */
export function findCycles(files: readonly SourceFile[]): readonly string[][] {
  const graph = new Map(
    files.map((file) => [
      file.path,
      importsOf(file).flatMap(({ path, isTypeOnly }) =>
        path && !(isTypeOnly && posix.dirname(path) === posix.dirname(file.path)) ? [path] : [],
      ),
    ]),
  );
  const done = new Set<string>();
  const cycles: string[][] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) return void cycles.push([...trail.slice(at), path]);
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}
