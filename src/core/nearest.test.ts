import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

const KNOWN = ['status', 'start', 'stop', 'users', 'devices'];

test.each([
  ['statsu', 'status'],
  ['STATUS', 'status'],
  ['staus', 'status'],
  ['user', 'users'],
  ['deivces', 'devices'],
])('%s was meant to be %s', (typed, meant) => {
  expect(nearest(typed, KNOWN)).toBe(meant);
});

test('what is far from everything is not guessed', () => {
  expect(nearest('frobnicate', KNOWN)).toBeUndefined();
  expect(nearest('', ['ab'])).toBeUndefined();
  expect(nearest('x'.repeat(100_000), KNOWN)).toBeUndefined();
});

test('a known word is its own nearest, and one edit away finds something', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...KNOWN),
      fc.nat(3),
      fc.string({ minLength: 1, maxLength: 1 }),
      (word, at, letter) => {
        expect(nearest(word, KNOWN)).toBe(word);
        expect(nearest(word.slice(0, at) + letter + word.slice(at), KNOWN)).toBeDefined();
      },
    ),
  );
});
