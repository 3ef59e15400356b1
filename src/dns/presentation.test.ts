import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteText, quoteValue, unquoteText } from './presentation.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 700 });

test('a text comes back out of its quotes as it went in, whatever it holds', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(unquoteText(quoteText(text))).toBe(text.toWellFormed());
    }),
  );
});

test('quoted text is one line of printable ASCII, whatever it holds', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(quoteText(text)).toMatch(/^[\x20-\x7e]*$/);
    }),
  );
});

test('no character string is longer than 255 bytes', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const strings = quoteText(text).match(/"(?:[^"\\]|\\.)*"/g) ?? [];
      const lengths = strings.map((part) => (part.slice(1, -1).match(/\\\d{3}|\\.|./g) ?? []).length);
      expect(Math.max(...lengths)).toBeLessThanOrEqual(255);
    }),
  );
});

test.each([
  ['a"b', '"a\\"b"'],
  ['a\\b', '"a\\\\b"'],
  ['a;b', '"a;b"'],
  ['a\nsend', '"a\\010send"'],
  ['', '""'],
  ['é', '"\\195\\169"'],
])('%j is written as %s', (text, quoted) => {
  expect(quoteText(text)).toBe(quoted);
  expect(quoteValue(text)).toBe(quoted);
});

test.each([
  ['v=spf1 -all', 'v=spf1 -all'],
  ['"one" "two"', 'onetwo'],
  ['"half', '"half'],
  ['"\\999"', '\\999'],
])('the content %j of a provider means %j', (content, text) => {
  expect(unquoteText(content)).toBe(text);
});
