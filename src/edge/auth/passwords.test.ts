import { expect, test } from 'vitest';
import { CHEAP } from '../../../test/support/login.ts';
import { checkNewPassword, fitsPassword, hashPassword } from './passwords.ts';
import { makeWordPassword } from './words.ts';

test('a hash is a PHC string of scrypt at the cost of OWASP', async () => {
  const phc = await hashPassword('correct horse battery');
  expect(phc).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(await fitsPassword('correct horse battery', phc)).toBe(true);
  expect(await fitsPassword('correct horse batterz', phc)).toBe(false);
});

test('the vector of RFC 7914 §12 fits', async () => {
  const hash = Buffer.from('fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162', 'hex');
  const phc = `$scrypt$ln=10,r=8,p=16$${Buffer.from('NaCl').toString('base64').replaceAll('=', '')}$${hash.toString('base64').replaceAll('=', '')}`;
  expect(await fitsPassword('password', phc)).toBe(true);
});

test('the same password has another hash every time', async () => {
  const [one, two] = await Promise.all([
    hashPassword('same password', CHEAP),
    hashPassword('same password', CHEAP),
  ]);
  expect(one).not.toBe(two);
});

test('letters composed on a phone and decomposed in a terminal are one password', async () => {
  const phc = await hashPassword('gr\u00fc\u00dfe vom home', CHEAP);
  expect(await fitsPassword('gru\u0308\u00dfe vom home', phc)).toBe(true);
});

test.each(['', '$scrypt$', 'plain', '$argon2id$v=19$m=1,t=1,p=1$AAAA$AAAA', '$scrypt$ln=1,r=1,p=1$AAAA$'])(
  'what is no PHC string of scrypt fits no password: %s',
  async (phc) => {
    expect(await fitsPassword('', phc)).toBe(false);
  },
);

test('12 characters are enough, counted as people count them', () => {
  expect(() => checkNewPassword('a'.repeat(11))).toThrow('at least 12');
  expect(() => checkNewPassword('🐴'.repeat(11))).toThrow('at least 12');
  expect(checkNewPassword('🐴'.repeat(12))).toBe('🐴'.repeat(12));
  expect(() => checkNewPassword('a'.repeat(1025))).toThrow('at most 1024');
});

test('four words are different every time and long enough', () => {
  const made = new Set(Array.from({ length: 200 }, makeWordPassword));
  expect(made.size).toBe(200);
  for (const password of made) expect(checkNewPassword(password).split('-')).toHaveLength(4);
});
