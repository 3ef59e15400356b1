import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CaaProperty } from '../contract.ts';
import { type CaaAnswer, type CaaAnswers, type IssueRequest, evaluateCaa } from './evaluate.ts';

const ACCOUNT = 'https://ca1.example.net/acct/1';
const REQUEST: IssueRequest = {
  name: 'certs.example.com',
  isWildcard: false,
  issuers: ['ca1.example.net'],
  accountUri: ACCOUNT,
  method: 'tls-alpn-01',
};

/** `0 issue "ca.example"` as a property. */
function property(line: string): CaaProperty {
  const match = /^(\d+) (\S+) "(.*)"$/s.exec(line);
  if (!match) throw new Error(`not a CAA record: ${line}`);
  return { flags: Number(match[1]), tag: match[2] ?? '', value: match[3] ?? '' };
}

/** Answers by name; the names above and below say "no record". */
function zone(records: Readonly<Record<string, readonly string[]>>, name = REQUEST.name): CaaAnswers {
  const labels = name.split('.');
  const names = labels.map((_, index) => labels.slice(index).join('.'));
  return new Map(
    names.map((suffix): [string, CaaAnswer] => {
      const set = records[suffix];
      return [suffix, set ? { kind: 'records', properties: set.map(property) } : { kind: 'none' }];
    }),
  );
}

const isPermitted = (set: readonly string[], request: Partial<IssueRequest> = {}): boolean =>
  evaluateCaa({ ...REQUEST, ...request }, zone({ [REQUEST.name]: set })).isPermitted;

test.each<[string, boolean, readonly string[], Partial<IssueRequest>?]>([
  // RFC 8659 §4.2
  ['either of two authorities (the first)', true, ['0 issue "ca1.example.net"', '0 issue "ca2.example.org"']],
  [
    'either of two (the second)',
    true,
    ['0 issue "ca1.example.net"', '0 issue "ca2.example.org"'],
    { issuers: ['ca2.example.org'] },
  ],
  [
    'neither of two',
    false,
    ['0 issue "ca1.example.net"', '0 issue "ca2.example.org"'],
    { issuers: ['ca3.example'] },
  ],
  ['an empty issuer permits nobody', false, ['0 issue ";"']],
  ['an empty value permits nobody', false, ['0 issue ""']],
  ['a malformed value permits nobody', false, ['0 issue "%%%%%"']],
  [
    'an empty issuer beside one that is named adds nothing',
    true,
    ['0 issue ";"', '0 issue "ca1.example.net"'],
  ],
  ['an issuer with parameters of its own', true, ['0 issue "ca1.example.net; account=230123"']],
  // RFC 8659 §4.3
  [
    'issuewild does not matter for a name that is none',
    true,
    ['0 issue "ca1.example.net"', '0 issuewild "ca2.example.org"'],
  ],
  [
    'issuewild decides for a wildcard',
    false,
    ['0 issue "ca1.example.net"', '0 issuewild "ca2.example.org"'],
    { isWildcard: true },
  ],
  [
    'issue decides for a wildcard where there is no issuewild',
    true,
    ['0 issue "ca1.example.net"'],
    { isWildcard: true },
  ],
  ['no wildcard at all', false, ['0 issue "ca1.example.net"', '0 issuewild ";"'], { isWildcard: true }],
  ['issuewild alone restricts no plain name', true, ['0 issuewild ";"']],
  ['issuewild alone restricts wildcards', false, ['0 issuewild ";"'], { isWildcard: true }],
  // RFC 8659 §4.4, §4.5
  ['iodef alone restricts nobody', true, ['0 iodef "mailto:security@example.com"']],
  ['a critical property that nobody knows', false, ['0 issue "ca1.example.net"', '128 tbs "Unknown"']],
  ['the same, not critical', true, ['0 issue "ca1.example.net"', '0 tbs "Unknown"']],
  ['only the highest bit is "critical"', true, ['0 issue "ca1.example.net"', '127 tbs "Unknown"']],
  ['a critical property that is known', true, ['128 issue "ca1.example.net"']],
  ['every other flag is ignored', true, ['127 issue "ca1.example.net"']],
  ['tags are matched in any case', false, ['0 ISSUE "ca2.example.org"']],
  ['issuers are matched in any case', true, ['0 issue "CA1.Example.NET"']],
  [
    'an authority with two names',
    true,
    ['0 issue "ca1.example.net"'],
    { issuers: ['x.example', 'ca1.example.net'] },
  ],
  ['an issuer that only begins the same', false, ['0 issue "ca1.example.net.evil.example"']],
  // The grammar
  [
    'blanks and tabs around everything',
    true,
    [`0 issue " \tca1.example.net \t; \taccounturi \t=\t ${ACCOUNT} "`],
  ],
  ['a semicolon after the issuer', true, ['0 issue "ca1.example.net;"']],
  ['a semicolon after a parameter', false, ['0 issue "ca1.example.net; a=b;"']],
  ['a parameter without a value', true, ['0 issue "ca1.example.net; a="']],
  ['a parameter without an equals sign', false, ['0 issue "ca1.example.net; a"']],
  ['a label that ends in a hyphen', false, ['0 issue "ca1-.example.net"'], { issuers: ['ca1-.example.net'] }],
  ['a final dot', false, ['0 issue "ca1.example.net."']],
  ['a blank within the issuer', false, ['0 issue "ca1.example.net evil"']],
  ['a blank within a value', false, ['0 issue "ca1.example.net; a=b c"']],
  ['a line end', false, ['0 issue "ca1.example.net\n"']],
  // RFC 8657 §3
  ['our account', true, [`0 issue "ca1.example.net; accounturi=${ACCOUNT}"`]],
  ['another account', false, [`0 issue "ca1.example.net; accounturi=${ACCOUNT}2"`]],
  ['an account in another case', false, [`0 issue "ca1.example.net; accounturi=${ACCOUNT.toUpperCase()}"`]],
  ['an empty account', false, ['0 issue "ca1.example.net; accounturi="']],
  [
    'an empty account and a request without one',
    false,
    ['0 issue "ca1.example.net; accounturi="'],
    { accountUri: '' },
  ],
  [
    'two accounts in one property',
    false,
    [`0 issue "ca1.example.net; accounturi=${ACCOUNT}; accounturi=${ACCOUNT}"`],
  ],
  [
    'two properties with an account each',
    true,
    [
      '0 issue "ca1.example.net; accounturi=https://ca1.example.net/acct/9"',
      `0 issue "ca1.example.net; accounturi=${ACCOUNT}"`,
    ],
  ],
  [
    'the account of a parameter in capitals',
    false,
    ['0 issue "ca1.example.net; ACCOUNTURI=https://x.example/1"'],
  ],
  ['our account at another authority', false, [`0 issue "ca2.example.org; accounturi=${ACCOUNT}"`]],
  // RFC 8657 §4
  ['our method', true, ['0 issue "ca1.example.net; validationmethods=tls-alpn-01"']],
  ['our method among others', true, ['0 issue "ca1.example.net; validationmethods=dns-01,tls-alpn-01"']],
  ['another method', false, ['0 issue "ca1.example.net; validationmethods=dns-01"']],
  ['no method', false, ['0 issue "ca1.example.net; validationmethods="']],
  ['a list with a hole', false, ['0 issue "ca1.example.net; validationmethods=tls-alpn-01,,dns-01"']],
  [
    'a method that only begins the same',
    false,
    ['0 issue "ca1.example.net; validationmethods=tls-alpn-011"'],
  ],
  [
    'two lists',
    false,
    ['0 issue "ca1.example.net; validationmethods=tls-alpn-01; validationmethods=tls-alpn-01"'],
  ],
  [
    'both, and both right',
    true,
    [`0 issue "ca1.example.net; accounturi=${ACCOUNT}; validationmethods=tls-alpn-01"`],
  ],
  [
    'both, and the method is another',
    false,
    [`0 issue "ca1.example.net; accounturi=${ACCOUNT}; validationmethods=tls-alpn-01"`],
    { method: 'http-01' },
  ],
  [
    'both, and the account is another',
    false,
    [`0 issue "ca1.example.net; accounturi=${ACCOUNT}; validationmethods=tls-alpn-01"`],
    { accountUri: 'https://ca1.example.net/acct/2' },
  ],
])('%s: permitted %s', (_, expected, set, request) => {
  expect(isPermitted(set, request)).toBe(expected);
});

test('the nearest name with records decides, and nothing above it is looked at (RFC 8659 §3)', () => {
  const answers = zone({
    'certs.example.com': ['0 issue "ca1.example.net"'],
    'example.com': ['0 issue ";"'],
  });
  expect(evaluateCaa(REQUEST, answers)).toMatchObject({ isPermitted: true, decidedAt: 'certs.example.com' });
});

test('records above count where the name has none', () => {
  const answers = zone({ 'example.com': ['0 issue ";"'] });
  expect(evaluateCaa(REQUEST, answers)).toMatchObject({ isPermitted: false, decidedAt: 'example.com' });
});

test('without any record every authority may issue', () => {
  expect(evaluateCaa(REQUEST, zone({}))).toMatchObject({ isPermitted: true, decidedAt: undefined });
});

test('a name that does not answer forbids, although a name above would permit', () => {
  const answers = new Map(zone({ 'example.com': ['0 issue "ca1.example.net"'] }));
  answers.set('certs.example.com', { kind: 'failed', reason: 'ESERVFAIL' });
  expect(evaluateCaa(REQUEST, answers).isPermitted).toBe(false);
});

test('a name that was not looked up forbids', () => {
  expect(evaluateCaa(REQUEST, new Map()).isPermitted).toBe(false);
});

test('a failure above the deciding name does not matter', () => {
  const answers = new Map(zone({ 'certs.example.com': ['0 issue "ca1.example.net"'] }));
  answers.set('com', { kind: 'failed', reason: 'ETIMEOUT' });
  expect(evaluateCaa(REQUEST, answers).isPermitted).toBe(true);
});

test('no text whatever throws, and only a value that begins with the issuer permits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(255), (value, flags) => {
      const answers = new Map<string, CaaAnswer>([
        [REQUEST.name, { kind: 'records', properties: [{ flags, tag: 'issue', value }] }],
      ]);
      const isOurs = value.trim().toLowerCase().startsWith('ca1.example.net');
      expect(!evaluateCaa(REQUEST, answers).isPermitted || isOurs).toBe(true);
    }),
  );
});
