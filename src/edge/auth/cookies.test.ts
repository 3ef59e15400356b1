import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOwnCookie, makeCookie, readCookie, withoutOwnCookies } from './cookies.ts';

const SECRET = 'S'.repeat(43);
const NAMES = ['__Host-gs', '__Host-gd', '__Host-gv'];

const foreignName = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/).filter((name) => !isOwnCookie(name));
const foreignPart = fc
  .tuple(foreignName, fc.stringMatching(/^[!#-+\--:<-[\]-~]{0,20}$/))
  .map(([name, value]) => `${name}=${value}`)
  .filter((part) => !isOwnCookie(part));

/** One of our cookies as a browser or an attacker might spell it. */
const ownPart = fc
  .record({
    name: fc.constantFrom(...NAMES),
    upper: fc.boolean(),
    before: fc.constantFrom('', ' ', '\t', '"', '=', 'x,', '$', 'a=b, '),
    after: fc.constantFrom('', ' ', '\t', '"'),
    quote: fc.constantFrom('', '"'),
  })
  .map(({ name, upper, before, after, quote }) => {
    return `${before}${upper ? name.toUpperCase() : name}${after}=${quote}${SECRET}${quote}`;
  });

test('no spelling of our cookies is left, and the cookies of the service all are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(ownPart, foreignPart), { maxLength: 12 }),
      fc.constantFrom('; ', ';', ' ;  '),
      (parts, separator) => {
        const left = withoutOwnCookies(parts.join(separator));
        expect(left ?? '').not.toContain(SECRET);
        const theirs = parts.filter((part) => !isOwnCookie(part));
        expect((left ?? '').split(/ *; */).filter((part) => part !== '')).toEqual(theirs);
      },
    ),
  );
});

test('a field without cookies of ours is handed on as it came', () => {
  for (const field of ['a=b', 'a=b;c="d; e"', '; ;', 'a=b;;', ''])
    expect(withoutOwnCookies(field)).toBe(field);
});

test('a field with nothing but ours disappears', () => {
  expect(withoutOwnCookies(`__Host-gs=${SECRET}; __Host-gd=${SECRET}`)).toBeUndefined();
});

test('a cookie is read only as we set it', () => {
  expect(readCookie(`a=b; __Host-gs=${SECRET}; c=d`, '__Host-gs')).toBe(SECRET);
  for (const field of [
    undefined,
    '',
    '__Host-gs',
    '__Host-gs=',
    `x__Host-gs=${SECRET}`,
    `a="__Host-gs=${SECRET}"`,
    `__Host-gs="${SECRET}"`,
    `__Host-gs=${SECRET}; __Host-gs=x`,
    `__HOST-GS=${SECRET}`,
  ]) {
    expect(readCookie(field, '__Host-gs')).toBeUndefined();
  }
});

test('any bytes are read and stripped without an exception', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (field) => {
      readCookie(field, '__Host-gs');
      expect(isOwnCookie(withoutOwnCookies(field) ?? '')).toBe(false);
    }),
  );
});

test('a service may not set a name of ours, in any spelling', () => {
  for (const name of ['__Host-gs', '__host-GD', ' __Host-gv ', '"__Host-gs"'])
    expect(isOwnCookie(name)).toBe(true);
  for (const name of ['session', '__Host-session', '__Secure-gs', 'gs'])
    expect(isOwnCookie(name)).toBe(false);
});

test('cookies are host-only, secure, out of reach of scripts, and neutral in name', () => {
  const cookie = makeCookie('__Host-gs', SECRET, 60);
  expect(cookie).toBe(`__Host-gs=${SECRET}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60`);
  expect(cookie.toLowerCase()).not.toMatch(/domain|postern/);
});
