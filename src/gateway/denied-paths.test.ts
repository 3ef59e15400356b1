import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPathDenied } from './denied-paths.ts';

const DENIED = [
  '/tools/invoke',
  '/v1/chat/completions',
  '/v1/models',
  '/v1/responses',
  '/v1/embeddings',
  '/api/v1/admin/rpc',
  '/hooks/wake',
  '/hooks/agent',
  '/hooks',
  '/j/AAAAAAAAAAAAAAAAAAAAAA',
  '/__openclaw__/worker',
  '/__openclaw__/worker/x',
  '/__openclaw__/worker-transfer/1',
];

/** What the gateway's own page and its devices use (docs/openclaw.md). */
const USED = [
  '/',
  '/chat',
  '/index.html',
  '/favicon.svg',
  '/sw.js',
  '/assets/control-ui-core-B0xWHkRR.js',
  '/control-ui-config.json',
  '/readyz',
  '/ws',
  '/avatar/main',
  '/api/users/gateway-owner/avatar',
  '/api/channels/telegram',
  '/sessions/agent%3Amain%3Amain/history',
  '/sessions/agent%3Amain%3Agroup%2F42/history',
  '/__openclaw__/a2ui/index.js',
  '/__openclaw__/assistant-media',
  '/__openclaw__/cap/dG9rZW4/__openclaw__/canvas/index.html',
  '/share/session',
  '/tools',
  '/tools/',
  '/toolsinvoke',
  '/v10/models',
  '/hooks-of-mine',
  '/join',
  '/caf%C3%A9',
  '/a%20b',
];

test.each(DENIED)('%s is denied by default', (path) => {
  expect(isPathDenied(path, [])).toBe(true);
});

test.each(USED)('%s is used by the gateway’s own clients and stays open', (path) => {
  expect(isPathDenied(path, [])).toBe(false);
});

describe('no spelling passes', () => {
  test.each([
    ['doubled slash', '//tools/invoke'],
    ['a host before the path (WHATWG)', '//x/tools/invoke'],
    ['three slashes', '///tools/invoke'],
    ['doubled slash inside', '/tools//invoke'],
    ['trailing slash', '/tools/invoke/'],
    ['trailing slashes', '/tools/invoke//'],
    ['below', '/tools/invoke/x'],
    ['one letter encoded', '/%74ools/invoke'],
    ['all letters encoded', '/%74%6f%6f%6c%73/%69%6e%76%6f%6b%65'],
    ['encoded twice', '/%2574ools/invoke'],
    ['encoded three times', '/%252574ools/invoke'],
    ['encoded too often to follow', `/${'%25'.repeat(1)}${'25'.repeat(9)}74ools/invoke`],
    ['encoded slash', '/tools%2finvoke'],
    ['encoded slash, upper case', '/tools%2Finvoke'],
    ['encoded slash, twice', '/tools%252finvoke'],
    ['encoded first slash', '/%2ftools/invoke'],
    ['dot segment', '/./tools/invoke'],
    ['dot segment inside', '/tools/./invoke'],
    ['dot dot', '/x/../tools/invoke'],
    ['dot dot at the root', '/../tools/invoke'],
    ['encoded dot dot', '/x/%2e%2e/tools/invoke'],
    ['half encoded dot dot', '/x/.%2E/tools/invoke'],
    ['dot dot between encoded slashes', '/x%2f..%2ftools/invoke'],
    ['dot dot with parameters', '/x/..;/tools/invoke'],
    ['parameters', '/tools;a=b/invoke'],
    ['parameters at the end', '/tools/invoke;a=b'],
    ['encoded parameters', '/tools/invoke%3Ba'],
    ['backslash', '/tools\\invoke'],
    ['backslash first', '\\tools\\invoke'],
    ['encoded backslash', '/tools%5cinvoke'],
    ['mixed case', '/Tools/INVOKE'],
    ['NUL', '/tools/invoke%00'],
    ['tab, which URL parsers remove', '/to%09ols/invoke'],
    ['raw tab', '/to\tols/invoke'],
    ['newline', '/tools/invoke%0a'],
    ['DEL', '/tools/invoke%7f'],
    ['space at the end', '/tools/invoke%20'],
    ['no-break space at the end', '/tools/invoke%C2%A0'],
    ['full-width letters', '/tools/%EF%BD%89nvoke'],
    ['full-width slash', '/tools%EF%BC%8Finvoke'],
    ['Kelvin sign', '/hoo%E2%84%AAs/wake'],
    ['overlong UTF-8 slash', '/tools%c0%afinvoke'],
    ['no UTF-8', '/%ff'],
    ['raw bytes above ASCII', '/caf\u00e9'],
    ['lone percent', '/%zz/tools/invoke'],
    ['percent at the end', '/x%'],
    ['lone percent after decoding', '/x%2525zz%'],
    ['absolute form', 'http://chat.example.com/tools/invoke'],
    ['absolute form without a path', 'https://chat.example.com'],
    ['without the slash (HTTP/2 :path)', 'tools/invoke'],
    ['asterisk form', '*'],
    ['empty (HTTP/2 :path)', ''],
    ['fragment', '/x#/../tools/invoke'],
    ['fragment of a path that is open', '/chat#x'],
    ['query of a path that is open', '/chat?x'],
    ['backslash in a path that is open', '/a\\b'],
    ['encoded fragment', '/tools/invoke%23x'],
    ['query that came along', '/tools/invoke?x'],
    ['encoded query', '/tools/invoke%3fx'],
    ['base path of the Control UI', '/openclaw/tools/invoke'],
    ['capability prefix, which the gateway cuts off', '/__openclaw__/cap/x/tools/invoke'],
    ['capability prefix twice', '/__openclaw__/cap/x/__openclaw__/cap/y/tools/invoke'],
    ['encoded capability prefix', '/%5f_openclaw__/cap/x/v1/models'],
    ['join below anything', '/x/y/j/AAAAAAAAAAAAAAAAAAAAAA'],
    ['plugin route, case and encoding', '/API/%76%31/Admin/rpc'],
  ])('%s', (_, path) => {
    expect(isPathDenied(path, [])).toBe(true);
  });
});

test('an encoding is followed four deep, and denied beyond', () => {
  expect(isPathDenied('/a%2525252520b', [])).toBe(true);
  expect(isPathDenied('/a%25252520b', [])).toBe(false);
});

describe('a path opened by hand', () => {
  test('is open, and nothing else with it', () => {
    expect(isPathDenied('/tools/invoke', ['/tools/invoke'])).toBe(false);
    expect(isPathDenied('/v1/models', ['/tools/invoke'])).toBe(true);
    expect(isPathDenied('/tools/invoke/x', ['/tools/invoke'])).toBe(true);
  });

  test('with /* opens what is below', () => {
    expect(isPathDenied('/v1/models', ['/v1/*'])).toBe(false);
    expect(isPathDenied('/v1', ['/v1/*'])).toBe(false);
    expect(isPathDenied('/v10', ['/v1/*'])).toBe(false);
    expect(isPathDenied('/api/v1/admin/rpc', ['/v1/*'])).toBe(true);
    expect(isPathDenied('/api/v1/admin/rpc', ['/api/v1/*'])).toBe(false);
  });

  test.each([
    '/hooks/../tools/invoke',
    '/hooks/%2e%2e/tools/invoke',
    '/hooks%2f..%2ftools/invoke',
    '/hooks/j/AAAAAAAAAAAAAAAAAAAAAA',
    '/hooks/tools/invoke',
    '/hooks//tools/invoke',
    '/Hooks/wake',
    '/%68ooks/wake',
    '/x/hooks/wake',
    '/hooks/x/hooks/wake',
  ])('does not open %s along with /hooks/*', (path) => {
    expect(isPathDenied(path, ['/hooks/*'])).toBe(true);
  });

  test.each(['/', '/*', '*', '', '//*', '/x/*'])('a careless entry %j opens nothing', (entry) => {
    for (const path of DENIED) expect(isPathDenied(path, [entry])).toBe(true);
  });
});

/** The gateway's own ways to read a path, as its code has them: URL parser, capability prefix, plugin stages. */
function routesOfGateway(rawPath: string): string[] {
  const parsed = URL.parse(rawPath, 'http://localhost')?.pathname;
  if (parsed === undefined) return [];
  const plain = [parsed, parsed.replace(/^\/__openclaw__\/cap\/[^/]+/, '')];
  const paths = [...plain];
  for (const path of plain) {
    let text = path;
    for (let pass = 0; pass < 32; pass++) {
      try {
        text = decodeURIComponent(text);
      } catch {
        break;
      }
      const seen = URL.parse(text, 'http://localhost')?.pathname ?? text;
      paths.push(seen.trim().toLowerCase().replaceAll(/\/+/g, '/').replace(/\/$/, ''));
    }
  }
  return paths;
}

const isDeniedRoute = (path: string): boolean =>
  /^\/(tools\/invoke|v1\/.*|api\/v1\/.*|hooks(\/.*)?|__openclaw__\/worker(\/.*)?)$/s.test(path) ||
  /\/j(\/[^/]*)?$/.test(path);

const hex = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

/** One odd thing done to a path. */
const distortion = fc.oneof(
  fc.nat().map((at) => (path: string) => {
    const index = at % path.length;
    return path.slice(0, index) + hex(path[index] as string) + path.slice(index + 1);
  }),
  fc.constant((path: string) => path.replaceAll('%', '%25')),
  fc
    .tuple(
      fc.nat(),
      fc.constantFrom('/', '/.', '/x/..', '/%2e', '\\', ';a=b', '%20', '%09', '%00', '\t', '%2f'),
    )
    .map(([at, text]) => (path: string) => {
      const index = at % (path.length + 1);
      return path.slice(0, index) + text + path.slice(index);
    }),
  fc
    .constantFrom('/', '//x', '/x/..', '/__openclaw__/cap/x', '/openclaw', 'http://x', '/\\x')
    .map((prefix) => (path: string) => prefix + path),
  fc.nat().map((at) => (path: string) => {
    const index = at % path.length;
    return path.slice(0, index) + (path[index] as string).toUpperCase() + path.slice(index + 1);
  }),
);

const distorted = fc
  .tuple(fc.constantFrom(...DENIED), fc.array(distortion, { maxLength: 6 }))
  .map(([path, steps]) => steps.reduce((text, step) => step(text), path));

describe('properties', () => {
  test('every spelling that any way of the gateway reads as a denied path is denied', () => {
    let reached = 0;
    fc.assert(
      fc.property(distorted, (path) => {
        if (!routesOfGateway(path).some(isDeniedRoute)) return;
        reached++;
        expect(isPathDenied(path, [])).toBe(true);
      }),
      { numRuns: 20_000 },
    );
    expect(reached).toBeGreaterThan(2000);
  });

  test('any sequence of percent-encodings of a denied path is denied', () => {
    const encodings = fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), { maxLength: 5 });
    fc.assert(
      fc.property(fc.constantFrom(...DENIED), encodings, (path, passes) => {
        const spelled = passes.reduce(
          (text, mask) =>
            Array.from(text)
              .map((letter, index) => (index > 0 && mask[index % mask.length] ? hex(letter) : letter))
              .join(''),
          path,
        );
        expect(isPathDenied(spelled, [])).toBe(true);
      }),
    );
  });

  test('no text makes it throw or hang', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.array(fc.string()), (path, allow) => {
        expect(typeof isPathDenied(`/${path}`, allow)).toBe('boolean');
      }),
    );
    const startedMs = performance.now();
    for (const text of ['%25', '/;', '%2f', ';', ' ', '/j']) isPathDenied(`/${text.repeat(4000)}`, ['/j/*']);
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });
});
