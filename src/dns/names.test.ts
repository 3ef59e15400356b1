import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PosternError } from '../core/errors/index.ts';
import { checkName, isWithin, parseName, suffixesOf, zoneCandidatesOf } from './names.ts';

test('a name that passes holds nothing that ends a line, a quote or a label', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      expect(parseName(text) ?? 'none').toMatch(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/);
    }),
  );
});

test.each([
  'chat.example.com',
  '_acme-challenge.chat.example.com',
  '_postern.x.example',
  'xn--bcher-kva.example',
])('%s is a name', (name) => expect(checkName(`${name.toUpperCase()}.`)).toBe(name));

test.each([
  '',
  '.',
  'a..b',
  '-a.example',
  'a-.example',
  'a b.example',
  'a.example\nsend',
  'a;b.example',
  '$(id).example',
  '../zones',
  `${'a'.repeat(64)}.example`,
  `${'a.'.repeat(130)}example`,
])('%j is no name', (name) => {
  expect(parseName(name)).toBeUndefined();
  expect(() => checkName(name)).toThrow(PosternError);
});

test('suffixes come longest first, and no zone is a single label', () => {
  expect(suffixesOf('a.b.c')).toEqual(['a.b.c', 'b.c', 'c']);
  expect(zoneCandidatesOf('a.b.c')).toEqual(['a.b.c', 'b.c']);
});

test('a name that only ends in the same letters is not within the zone', () => {
  expect(isWithin('chat.example.com', 'example.com')).toBe(true);
  expect(isWithin('example.com', 'example.com')).toBe(true);
  expect(isWithin('badexample.com', 'example.com')).toBe(false);
});
