import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable } from './printable.ts';

test('escape sequences and direction marks become visible text', () => {
  expect(printable('\u001b[31mred\u009b0m')).toBe('\\u{1b}[31mred\\u{9b}0m');
  expect(printable('a\u202eb\nc')).toBe('a\\u{202e}b\\u{a}c');
  expect(printable('plain – 你好')).toBe('plain – 你好');
});

test('nothing that a terminal obeys is left, whatever comes in', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const character of printable(text)) {
        const code = character.codePointAt(0)!;
        expect(code >= 0x20 && !(code >= 0x7f && code <= 0x9f)).toBe(true);
      }
    }),
  );
});

test('long text is cut', () => {
  expect(printable('x'.repeat(1000), 10)).toBe(`${'x'.repeat(10)}…`);
});
