import { readFileSync, readdirSync } from 'node:fs';
import { extname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file as the rules see it: its path from the repository's root with `/`, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Folders that are made, not written. */
const MADE = new Set(['node_modules', 'dist', 'coverage', '.git', '.cache', '.vitest']);
const TEXT = new Set([
  '.ts',
  '.js',
  '.mjs',
  '.json',
  '.md',
  '.yaml',
  '.yml',
  '.sh',
  '.c',
  '.html',
  '.css',
  '.txt',
  '.conf',
  '',
]);

/** Every text file of the repository. */
export function readRepository(): readonly SourceFile[] {
  return listFiles(ROOT)
    .filter((path) => TEXT.has(extname(path)))
    .map((path) => ({
      path: relative(ROOT, path).split(sep).join(posix.sep),
      text: readFileSync(path, 'utf8'),
    }));
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (MADE.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listFiles(path) : entry.isFile() ? [path] : [];
  });
}

/** The program's own modules, without their tests. */
export function programFiles(files: readonly SourceFile[]): readonly SourceFile[] {
  return files.filter(({ path }) => /^src\/.*\.ts$/.test(path) && !isTest(path));
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

/** The folder below src/ that a file lives in: `src/edge/auth/x.ts` is of `edge`. */
export function areaOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** The text without comments, so that a rule judges code and not words. Line breaks stay. */
export function withoutComments(text: string): string {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g;
  return text.replace(token, (found) =>
    found.startsWith('/*') || found.startsWith('//') ? found.replaceAll(/[^\n]/g, ' ') : found,
  );
}
