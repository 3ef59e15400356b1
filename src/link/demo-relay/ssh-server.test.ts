import { expect, test } from 'vitest';
import { generateSshKey } from './ssh-server.ts';
import { ssh2 } from './ssh2.ts';

test('every key that is made can be read back, of many', () => {
  const unreadable = Array.from({ length: 1500 }, () => generateSshKey('postern demo')).filter(
    ({ privateKey, publicKey }) =>
      ssh2.utils.parseKey(privateKey) instanceof Error || ssh2.utils.parseKey(publicKey) instanceof Error,
  );
  expect(unreadable).toEqual([]);
});
