import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob } from './glob.ts';
import { viewOf } from './nginx-view.ts';

test('a pattern matches what a regular expression of it would', () => {
  const letters = fc.constantFrom('a', 'b', '/');
  const text = fc.string({ unit: letters, maxLength: 8 });
  const pattern = fc.string({ unit: fc.oneof(letters, fc.constantFrom('*', '?')), maxLength: 8 });
  fc.assert(
    fc.property(text, pattern, (one, glob) => {
      const any = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      const name = new RegExp(`^${glob.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`);
      expect(matchesGlob(one, glob)).toBe(any.test(one));
      expect(matchesGlob(one, glob, (character) => character !== '/')).toBe(name.test(one));
    }),
    { numRuns: 2000 },
  );
});

test("a relay's pattern of many stars takes no time", () => {
  const startedMs = performance.now();
  expect(matchesGlob('a'.repeat(5000), `${'*a'.repeat(500)}b`)).toBe(false);
  const include = `include /${'*a'.repeat(100)}b;`;
  const dump = `# configuration file /etc/nginx/nginx.conf:
stream { ${include} }
# configuration file /${'a'.repeat(1000)}:
listen 1;
${Array.from({ length: 2000 }, (_, index) => `include /x${index};`).join('\n')}
`;
  expect(viewOf(dump, '').listens).toEqual([]);
  expect(performance.now() - startedMs).toBeLessThan(5000);
});
