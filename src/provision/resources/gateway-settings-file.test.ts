import fc from 'fast-check';
import json5 from 'json5';
import { describe, expect, test } from 'vitest';
import { editSettings, isPlainJson, parseSettings } from './gateway-settings-file.ts';
import { desiredSettings, editsTowards, settingsIn } from './gateway-settings-values.ts';

const DESIRED = desiredSettings({ origins: ['https://chat.example.com'] });

/** The text after Postern's settings were made in it. */
function edited(text: string): string {
  const result = editSettings(text, editsTowards(parseSettings(text), DESIRED, DESIRED));
  if (!result.ok) throw new Error(`${result.reason}: ${text}`);
  return result.text;
}

/** What a set-up of years looks like. */
const LIVED_IN = `// My gateway; ask Ada before you touch it.
{
  gateway: {
    mode: 'local', // never remote
    port: 0x4965, /* 18789 */
    bind: 'lan', // for the tablet
    "auth": { mode: "token", token: 'it\\'s "secret"' },
    trustedProxies: [
      '10.0.0.7', // the old nginx
    ],
    controlUi: { allowedOrigins: ["https://old.example.com"], },
  },

  // ---- plugins ----
  'plugins': {
    entries: {
      weather: { enabled: true, config: { unit: 'C', big: Infinity, tiny: .5, neg: -1e-3, } },
    },
  },
  agents: { defaults: { prompt: 'two \\
lines', }, }, // the end
}
`;

describe('an edit keeps what is not ours', () => {
  test('a lived-in file differs in our values alone', () => {
    const text = edited(LIVED_IN);
    expect(text).toBe(
      LIVED_IN.replace("bind: 'lan'", "bind: 'loopback'")
        .replace(
          "'10.0.0.7', // the old nginx\n",
          "'10.0.0.7', // the old nginx\n      '127.0.0.1',\n      '::1',\n",
        )
        .replace('["https://old.example.com"]', `["https://old.example.com", 'https://chat.example.com']`)
        .replace(
          'neg: -1e-3, } },\n',
          "neg: -1e-3, } },\n      'device-pair': { config: { publicUrl: 'https://chat.example.com' } },\n",
        ),
    );
    expect(settingsIn(parseSettings(text), DESIRED)).toEqual(DESIRED);
    expect(edited(text)).toBe(text);
    const original = parseSettings(LIVED_IN);
    const back = editsTowards(parseSettings(text), settingsIn(original, DESIRED), DESIRED, original);
    expect(editSettings(text, back)).toEqual({ ok: true, text: LIVED_IN });
  });

  test.each([
    ['empty', '{}'],
    ['a comment and nothing else', '{ // nothing yet\n}'],
    ['a comment behind the last value', '{a: 1 // one\n}'],
    ['a comment before the comma', '{a: 1 /* one */ , /* two */}'],
    ['CRLF', '{\r\n  gateway: {\r\n    port: 1\r\n  }\r\n}\r\n'],
    ['tabs', '{\n\tgateway: {\n\t\tport: +1, // one\n\t},\n}'],
    ['one line', '{"gateway":{"bind":"auto","trustedProxies":[]}}'],
    ['a comment in an empty list', '{gateway:{trustedProxies:[/* none */]}}'],
    ['escaped keys', String.raw`{"gat\u0065way":{'bi\u006ed':'lan'}}`],
    ['a byte order mark', '\ufeff{gateway:{}}'],
    ['a key called __proto__', `{'__proto__': {x: 1}, gateway: {}}`],
    ['only one of the two proxies', `{gateway:{trustedProxies:['::1','10.0.0.0/8']}}`],
  ])('%s', (_name, text) => {
    const after = edited(text);
    expect(settingsIn(parseSettings(after), DESIRED)).toEqual(DESIRED);
    expect(isSubsequence(foreignTokens(text), foreignTokens(after))).toBe(true);
  });

  test('what cannot be edited safely is left alone, and says why', () => {
    for (const text of ['{gateway:{}', '']) {
      const edits = editsTowards(parseSettings(text) ?? {}, DESIRED, DESIRED);
      expect(editSettings(text, edits)).toMatchObject({ ok: false, reason: expect.any(String) });
    }
  });

  test('of a key that stands twice the last one counts, and is the one that is edited', () => {
    expect(edited('{gateway:{port:1},gateway:{bind:"lan",bind:"auto"}}')).toContain(
      '{gateway:{port:1},gateway:{bind:"lan",bind:"loopback"',
    );
  });

  test('taken out again, a key that stands twice would come back: refused', () => {
    const edits = [{ path: ['gateway', 'bind'], value: undefined }];
    expect(editSettings('{gateway:{bind:"lan",bind:"auto"}}', edits)).toMatchObject({ ok: false });
  });

  test('a comment inside of what would go is worth more than the edit', () => {
    const text = '{plugins: {ours: {url: "x" /* of Ada */}}}';
    const result = editSettings(text, [{ path: ['plugins', 'ours'], value: undefined }]);
    expect(result).toEqual({ ok: false, reason: expect.stringContaining('comment') });
    expect(
      editSettings(text.replace('/* of Ada */', ''), [{ path: ['plugins', 'ours'], value: undefined }]).ok,
    ).toBe(true);
  });

  test('plain JSON is what a program that writes JSON keeps', () => {
    expect(isPlainJson('{"a": 1}')).toBe(true);
    expect(isPlainJson('{"a": 1} // one')).toBe(false);
    expect(isPlainJson('{a: 1}')).toBe(false);
  });
});

/** Values that others may have put; never one of ours. */
const scalar = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom(
    'true',
    'null',
    '.5',
    '0xFF',
    '+1',
    '-Infinity',
    '1e3',
    "'sin\\'gle'",
    '"dou\\"ble"',
    "'a\\\nb'",
  ),
);
const key = fc.constantFrom('alpha', "'be ta'", '"gam-ma"', '$d', '_e', 'nodes');
const gap = fc.constantFrom('', ' ', '\n', '\n  ', ' /* c1 */ ', ' // c2\n', '\t', '\r\n');

interface Shape {
  readonly entries: readonly (readonly [string, string])[];
  readonly gaps: readonly string[];
  readonly hasTrailingComma: boolean;
}

function write({ entries, gaps, hasTrailingComma }: Shape): string {
  const gapAt = (at: number): string => gaps[at % gaps.length] ?? '';
  const body = entries
    .map(
      ([name, value], at) => `${gapAt(at)}${name}${gapAt(at + 1)}:${gapAt(at + 2)}${value}${gapAt(at + 3)}`,
    )
    .join(',');
  return `{${body}${hasTrailingComma && entries.length > 0 ? ',' : ''}${gapAt(7)}}`;
}

const unique = (values: fc.Arbitrary<string>): fc.Arbitrary<(readonly [string, string])[]> =>
  fc.uniqueArray(fc.tuple(key, values), { selector: ([name]) => name, maxLength: 3 });

const group = (own: fc.Arbitrary<readonly (readonly [string, string])[]>): fc.Arbitrary<string> =>
  fc
    .record({
      others: unique(scalar),
      own,
      gaps: fc.array(gap, { minLength: 1, maxLength: 5 }),
      hasTrailingComma: fc.boolean(),
    })
    .map(({ others, own: ours, ...rest }) => write({ ...rest, entries: [...others, ...ours] }));

const list = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom("'10.0.0.1'", '"::1"', "'127.0.0.1'"), { maxLength: 3 }),
    fc.boolean(),
    gap,
  )
  .map(
    ([entries, comma, blank]) =>
      `[${entries.map((e) => blank + e).join(',')}${comma && entries.length ? ',' : ''}]`,
  );

const optional = (
  name: string,
  value: fc.Arbitrary<string>,
): fc.Arbitrary<readonly (readonly [string, string])[]> =>
  fc.option(value).map((some) => (some === null ? [] : [[name, some] as const]));

const gateway = group(
  fc
    .tuple(optional('bind', fc.constantFrom("'lan'", '"auto"')), optional("'trustedProxies'", list))
    .map((parts) => parts.flat()),
);
const settings = group(
  fc
    .tuple(optional('gateway', gateway), optional('"plugins"', group(fc.constant([]))))
    .map((parts) => parts.flat()),
);

describe('by property', () => {
  test('ours are set, a second edit changes nothing, and nothing foreign is lost or moved', () => {
    fc.assert(
      fc.property(settings, (text) => {
        const after = edited(text);
        expect(settingsIn(parseSettings(after), DESIRED)).toEqual(DESIRED);
        expect(edited(after)).toBe(after);
        expect(isSubsequence(foreignTokens(text), foreignTokens(after))).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  test('taken back, every value is as before and every comment still there', () => {
    fc.assert(
      fc.property(settings, (text) => {
        const original = parseSettings(text);
        const before = settingsIn(original, DESIRED);
        const after = edited(text);
        const back = editSettings(after, editsTowards(parseSettings(after), before, DESIRED, original));
        if (!back.ok) throw new Error(back.reason);
        expect(sorted(json5.parse(back.text))).toEqual(sorted(original));
        expect(isSubsequence(foreignTokens(text), foreignTokens(back.text))).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});

/** Lists of proxies as sets: an entry that we took out and put back may stand elsewhere. */
function sorted(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, item: unknown) =>
    Array.isArray(item)
      ? (item as string[]).toSorted((one, other) => String(one).localeCompare(String(other)))
      : item,
  );
}

/** Everything that is written, but blanks, commas, brackets and the values that we may replace. */
function foreignTokens(text: string): string[] {
  const tokens =
    text.match(/"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'|\/\/.*|\/\*[^]*?\*\/|[^\s,:{}[\]"'/]+/g) ?? [];
  return tokens.filter((token) => !/^["'](lan|auto|loopback|::1|127\.0\.0\.1)["']$/.test(token));
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const token of whole) if (token === part[at]) at++;
  return at === part.length;
}
