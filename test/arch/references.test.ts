import { expect, test } from 'vitest';
import { findLostReferences } from './references.ts';
import { readRepository } from './repository.ts';

/** A promise in a document names its test: so the test has to be there. */

test('every file that a document names is there', () => {
  const files = readRepository();
  const documents = files.filter(({ path }) => path.endsWith('.md'));
  expect(
    findLostReferences(
      documents,
      files.map(({ path }) => path),
    ),
  ).toEqual([]);
});

test('a name without a file is seen, as code and as a link', () => {
  const text =
    'See `test/e2e/a.test.ts`, `src/b/`, [c](c.md), [d](../LICENSE), `test/e2e/gone.test.ts`, [e](e.md#f).';
  const paths = ['test/e2e/a.test.ts', 'src/b/x.ts', 'docs/c.md', 'LICENSE'];
  expect(findLostReferences([{ path: 'docs/x.md', text }], paths)).toEqual([
    'docs/x.md: test/e2e/gone.test.ts',
    'docs/x.md: docs/e.md',
  ]);
});
