import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, type SourceFile, readRepository } from './repository.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';

const MAX_LINES = 500;

const tooLong = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => /\.(?:ts|js|c|sh)$/.test(path))
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ path, lines }) => `${path}: ${lines} lines`);

test(`no file has more than ${MAX_LINES} lines`, () => {
  expect(tooLong(readRepository())).toEqual([]);
});

test('a file of one line too many is seen', () => {
  const text = 'x;\n'.repeat(MAX_LINES);
  expect(tooLong([{ path: 'src/x.ts', text }])).toEqual([]);
  expect(tooLong([{ path: 'src/x.ts', text: `${text}x;\n` }])).toEqual(['src/x.ts: 501 lines']);
});

/** What the linter says of a function of `lines` lines, by the repository's own rules. */
function lintFunctionOf(lines: number): string {
  const folder = makeTestFolder('postern-lint-');
  try {
    const body = Array.from({ length: lines - 2 }, (_, index) => `  use(${index});`).join('\n');
    const text = `declare function use(n: number): void;\nexport function long(): void {\n${body}\n}\n`;
    writeFileSync(join(folder, 'long.ts'), text);
    const { stdout } = spawnSync(
      join(ROOT, 'node_modules/.bin/oxlint'),
      ['-c', join(ROOT, '.oxlintrc.json'), folder],
      { encoding: 'utf8' },
    );
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the linter refuses a function of 81 lines and takes one of 80', () => {
  expect(lintFunctionOf(81)).toContain('max-lines-per-function');
  expect(lintFunctionOf(80)).not.toContain('max-lines-per-function');
});

/** Folders below src/, and the other places with code, that have no README.md. */
function findSilentFolders(files: readonly SourceFile[]): string[] {
  const paths = new Set(files.map(({ path }) => path));
  const folders = files.flatMap(
    ({ path }) => /^(src\/[^/]+|bench|scripts|test)\/.*\.ts$/.exec(path)?.[1] ?? [],
  );
  return [...new Set(folders)].filter((folder) => !paths.has(`${folder}/README.md`));
}

test('every folder says what it is for', () => {
  expect(findSilentFolders(readRepository())).toEqual([]);
});

test('a folder without a README is seen', () => {
  const files = ['src/edge/README.md', 'src/edge/a.ts', 'src/link/b/c.ts', 'test/x.ts'];
  expect(findSilentFolders(files.map((path) => ({ path, text: '' })))).toEqual(['src/link', 'test']);
});
