import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readChallenge } from './challenge.ts';

const recorded = readFileSync(new URL('../../test/golden/openclaw/challenge.json', import.meta.url), 'utf8');

test('the first message of a real gateway is a challenge', () => {
  expect(readChallenge(recorded)).toEqual({
    nonce: '376d6ad0-1b1d-423b-ab34-4cf8117e4915',
    atMs: 1795167814172,
  });
});

test.each([
  ['', 'nothing'],
  ['hello', 'no JSON'],
  ['[]', 'a list'],
  ['{"type":"res","event":"connect.challenge","payload":{"nonce":"a","ts":1}}', 'another type'],
  ['{"type":"event","event":"tick","payload":{"nonce":"a","ts":1}}', 'another event'],
  ['{"type":"event","event":"connect.challenge"}', 'no payload'],
  ['{"type":"event","event":"connect.challenge","payload":{"nonce":"","ts":1}}', 'an empty nonce'],
  ['{"type":"event","event":"connect.challenge","payload":{"nonce":1,"ts":1}}', 'a nonce of another type'],
  ['{"type":"event","event":"connect.challenge","payload":{"nonce":"a"}}', 'no time'],
])('%s is none: %s', (text) => {
  expect(readChallenge(text)).toBeUndefined();
});

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(readChallenge(text)).toBeUndefined();
    }),
  );
});
