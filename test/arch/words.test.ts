import { expect, test } from 'vitest';
import { type SourceFile, readRepository } from './repository.ts';

/** Written in two halves, so that this file passes its own rule. */
const word = (...halves: string[]): string => halves.join('');

const FORBIDDEN: readonly { pattern: RegExp; because: string }[] = [
  {
    pattern: new RegExp(word('/wo', 'rk/|/tmp/se', 'tup')),
    because: 'a path of the machine it was written on',
  },
  {
    pattern: new RegExp(
      word(
        'registry\\.(?:np',
        'mjs|yarn',
        'pkg)\\.|np',
        'm\\.pkg\\.github|(?:art',
        'ifactory|ver',
        'daccio)\\b',
      ),
      'i',
    ),
    because: "a package registry's host: which one is used is the machine's business",
  },
  {
    pattern: new RegExp(word('\\b(?:TO', 'DO|FIX', 'ME|X', 'XX:)')),
    because: 'unfinished work has no place here',
  },
  {
    pattern: new RegExp(word('\\b(?:test|it|describe)\\.(?:sk', 'ip|on', 'ly|to', 'do)\\(')),
    because: 'a test that does not run proves nothing',
  },
];

const SPARED = new Set(['LICENSE']);

const findWords = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => !SPARED.has(path))
    .flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, index) =>
          FORBIDDEN.filter(({ pattern }) => pattern.test(line)).map(
            ({ because }) => `${path}:${index + 1}: ${because}`,
          ),
        ),
    );

test('no file holds a word that does not belong there', () => {
  expect(findWords(readRepository())).toEqual([]);
});

test.each([
  word('see /wo', 'rk/main'),
  word('"resolved": "https://registry.np', 'mjs.org/x"'),
  word('// TO', 'DO later'),
  word('test.sk', "ip('x', () => {})"),
])('the word is seen in: %s', (text) => {
  expect(findWords([{ path: 'src/x.ts', text }])).toHaveLength(1);
});
