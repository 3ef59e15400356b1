import { expect, test } from 'vitest';
import { findCycles, importsOf } from './imports.ts';
import { programFiles, readRepository } from './repository.ts';

test('every form of an import is seen, and none in a comment', () => {
  const text = [
    "import { a } from './a.ts';",
    "import type { B } from './b.ts';",
    "import c, {\n  d,\n} from 'c';",
    "export * from './e.ts';",
    "export type { F } from './f.ts';",
    "import './g.ts';",
    "const h = await import('./h.ts');",
    "type I = typeof import('./i.ts');",
    "// import { j } from './j.ts';",
    "/* import('./k.ts') */",
  ].join('\n');
  const found = importsOf({ path: 'src/x/y.ts', text }).map(
    ({ specifier, path, isTypeOnly }) => `${specifier} ${path} ${isTypeOnly}`,
  );
  expect(found.toSorted()).toEqual(
    [
      './a.ts src/x/a.ts false',
      './b.ts src/x/b.ts true',
      'c undefined false',
      './e.ts src/x/e.ts false',
      './f.ts src/x/f.ts true',
      './g.ts src/x/g.ts false',
      './h.ts src/x/h.ts false',
      './i.ts src/x/i.ts true',
    ].toSorted(),
  );
});

test('a cycle is found, between folders also by types', () => {
  const cycle = findCycles([
    { path: 'src/a/a.ts', text: "import '../b/b.ts';" },
    { path: 'src/b/b.ts', text: "import type { C } from '../c/c.ts';" },
    { path: 'src/c/c.ts', text: "export * from '../a/a.ts';" },
    { path: 'src/c/d.ts', text: "import '../a/a.ts'; import type { E } from './e.ts';" },
    { path: 'src/c/e.ts', text: "import { d } from './d.ts';" },
  ]);
  expect(cycle).toEqual([['src/a/a.ts', 'src/b/b.ts', 'src/c/c.ts', 'src/a/a.ts']]);
});

test('the program has no import cycle', () => {
  expect(findCycles(programFiles(readRepository()))).toEqual([]);
});

test('every relative import of the program leads to a file', () => {
  const files = readRepository();
  const known = new Set(files.map(({ path }) => path));
  const lost = programFiles(files).flatMap((file) =>
    importsOf(file)
      .filter(({ path }) => path !== undefined && !known.has(path))
      .map(({ specifier }) => `${file.path}: ${specifier}`),
  );
  expect(lost).toEqual([]);
});
