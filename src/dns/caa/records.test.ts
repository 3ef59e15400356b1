import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PosternError } from '../../core/errors/index.ts';
import type { CaaProperty, RecordData } from '../contract.ts';
import { renderData } from '../record-data.ts';
import { evaluateCaa } from './evaluate.ts';
import { buildCaaRecords, honoursAccountBinding } from './records.ts';

const BINDING = {
  issuer: 'letsencrypt.org',
  accountUri: 'https://acme-v02.api.letsencrypt.org/acme/acct/123',
};

const answersOf = (records: readonly RecordData[]) =>
  new Map([
    ['chat.example.com', { kind: 'records' as const, properties: records as readonly CaaProperty[] }],
  ]);

const request = {
  name: 'chat.example.com',
  isWildcard: false,
  issuers: [BINDING.issuer],
  accountUri: BINDING.accountUri,
  method: 'tls-alpn-01',
};

test('the record set is the one of the design, to the letter', () => {
  expect(buildCaaRecords(BINDING).map(renderData)).toEqual([
    'CAA 0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/123; validationmethods=tls-alpn-01"',
    'CAA 0 issuewild ";"',
  ]);
});

test('it lets the account issue for the name and for nothing else, by no other way, and nobody else', () => {
  const answers = answersOf(buildCaaRecords(BINDING));
  expect(evaluateCaa(request, answers).isPermitted).toBe(true);
  for (const change of [
    { isWildcard: true },
    { accountUri: `${BINDING.accountUri}4` },
    { method: 'http-01' },
    { method: 'dns-01' },
    { issuers: ['other.example'] },
  ]) {
    expect(evaluateCaa({ ...request, ...change }, answers).isPermitted, JSON.stringify(change)).toBe(false);
  }
});

test.each(['https://ca.example/a;b', 'https://ca.example/a b', 'https://ca.example/\n', 'acct/1', ''])(
  'the account URL %j is refused',
  (accountUri) => {
    expect(() => buildCaaRecords({ ...BINDING, accountUri })).toThrow(PosternError);
  },
);

/** The records for an account URL, or `refused`. */
function tryBuild(accountUri: string): readonly RecordData[] | 'refused' {
  try {
    return buildCaaRecords({ ...BINDING, accountUri });
  } catch (error) {
    if (error instanceof PosternError) return 'refused';
    throw error;
  }
}

test('whatever the account URL is, a record that is made permits it and no other', () => {
  const permits = (records: readonly RecordData[], accountUri: string): boolean =>
    evaluateCaa({ ...request, accountUri }, answersOf(records)).isPermitted;
  const urls = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(urls, (text) => {
      const accountUri = text.startsWith('http') ? text : `https://ca.example/${text}`;
      const records = tryBuild(accountUri);
      const isRight =
        records === 'refused' || (permits(records, accountUri) && !permits(records, `${accountUri}x`));
      expect(isRight).toBe(true);
    }),
  );
});

test('methods and issuers that would change the meaning are refused', () => {
  expect(() => buildCaaRecords({ ...BINDING, methods: [] })).toThrow(PosternError);
  expect(() => buildCaaRecords({ ...BINDING, methods: ['a;b=c'] })).toThrow(PosternError);
  expect(() => buildCaaRecords({ ...BINDING, issuer: '' })).toThrow(PosternError);
});

test('who is known to honour the binding, and from when everybody has to', () => {
  expect(honoursAccountBinding('LetsEncrypt.org', 0)).toBe(true);
  expect(honoursAccountBinding('other.example', Date.UTC(2027, 2, 14))).toBeUndefined();
  expect(honoursAccountBinding('other.example', Date.UTC(2027, 2, 15))).toBe(true);
});
