import { expect, test } from 'vitest';
import { isTest, readRepository, withoutComments } from './repository.ts';

/** `relay.ts` mounts things below its folder, so it unmounts them first and removes it by itself. */
const ALLOWED = new Set(['test/support/temporary-folder.ts', 'test/support/relay.ts']);

test('tests make temporary folders by the one helper that removes them', () => {
  const own = readRepository().filter(
    ({ path, text }) =>
      (isTest(path) || path.startsWith('test/')) &&
      !ALLOWED.has(path) &&
      /\bmkdtemp(Sync)?\([^)]*\btmpdir\(\)/.test(withoutComments(text)),
  );
  expect(own.map(({ path }) => path)).toEqual([]);
});
