import { expect, test } from 'vitest';
import { PosternError } from '../../core/errors/index.ts';
import type { CaaProperty } from '../contract.ts';
import type { ServerAnswer } from '../lookup/ask-server.ts';
import type { Lookup } from '../lookup/lookup.ts';
import { buildCaaRecords } from './records.ts';
import { findBindingLimits, judgeCaaStanding, renderCaaAdvice } from './standing.ts';

const NAME = 'chat.example.com';
const BINDING = { issuer: 'letsencrypt.org', accountUri: 'https://ca.example/acct/1' };
const NONE: ServerAnswer = { kind: 'none' };

/** A zone `example.com` with two servers; answers by name, `[one, other]` where they differ. */
function lookupOf(
  answers: Readonly<Record<string, ServerAnswer | readonly ServerAnswer[]>>,
  isSigned?: boolean,
): Lookup {
  const answerOf = (name: string, index: number): ServerAnswer => {
    const found = answers[name] ?? NONE;
    return 'kind' in found ? found : (found[index] ?? NONE);
  };
  return {
    findAuthorities: () => Promise.resolve({ zone: 'example.com', servers: [], lost: [] }),
    askAuthorities: (_, name) =>
      Promise.resolve([0, 1].map((index) => ({ server: `ns${index + 1}`, answer: answerOf(name, index) }))),
    askResolver: (name) => Promise.resolve(answerOf(name, 0)),
    isSigned: () => Promise.resolve(isSigned),
  };
}

const records = (...properties: readonly CaaProperty[]): ServerAnswer => ({
  kind: 'records',
  records: properties.map((property) => ({ data: { type: 'CAA', ...property }, ttlSeconds: undefined })),
});
const OURS = buildCaaRecords(BINDING) as readonly CaaProperty[];
const issue = (value: string): CaaProperty => ({ flags: 0, tag: 'issue', value });

test.each<[string, Readonly<Record<string, ServerAnswer | readonly ServerAnswer[]>>, string]>([
  ['our records', { [NAME]: records(...OURS) }, 'bound'],
  ['no records at all', {}, 'open'],
  ['the authority without an account', { [NAME]: records(issue('letsencrypt.org')) }, 'open'],
  [
    'our account by every method',
    { [NAME]: records(issue(`letsencrypt.org; accounturi=${BINDING.accountUri}`)) },
    'open',
  ],
  ['our issue without issuewild', { [NAME]: records(...OURS.slice(0, 1)) }, 'bound'],
  ['another authority beside ours', { [NAME]: records(...OURS, issue('other.example')) }, 'open'],
  [
    'another account beside ours',
    { [NAME]: records(...OURS, issue('letsencrypt.org; accounturi=https://ca.example/acct/2')) },
    'open',
  ],
  ['nobody beside ours', { [NAME]: records(...OURS, issue(';')) }, 'bound'],
  [
    'another account alone',
    { [NAME]: records(issue('letsencrypt.org; accounturi=https://ca.example/acct/2')) },
    'refused',
  ],
  [
    'an unknown critical property beside ours',
    { [NAME]: records(...OURS, { flags: 128, tag: 'tbs', value: '' }) },
    'refused',
  ],
  ['our records at one of two servers', { [NAME]: [records(...OURS), NONE] }, 'refused'],
  ['a silent server', { [NAME]: { kind: 'failed', reason: 'ETIMEOUT' } }, 'refused'],
  ['our records at the parent', { 'example.com': records(...OURS) }, 'bound'],
  [
    'an alias to a name with our records',
    { [NAME]: { kind: 'alias', target: 'x.other.net' }, 'x.other.net': records(...OURS) },
    'bound',
  ],
  [
    'an alias to a name without records, and the own parent has some',
    { [NAME]: { kind: 'alias', target: 'x.other.net' }, 'example.com': records(issue(';')) },
    'refused',
  ],
  [
    'an alias in a ring',
    {
      [NAME]: { kind: 'alias', target: 'x.other.net' },
      'x.other.net': { kind: 'alias', target: 'x.other.net' },
    },
    'refused',
  ],
])('%s: the name is %s', async (_, answers, kind) => {
  expect(await judgeCaaStanding(lookupOf(answers), NAME, BINDING)).toMatchObject({ kind });
});

const limitsOf = (lookup: Lookup, issuer = 'letsencrypt.org') =>
  findBindingLimits({ lookup, name: NAME, issuer, nowMs: Date.UTC(2026, 11, 1) });

test('a zone that is not signed, and an authority that may not honour the binding, are told', async () => {
  expect(await limitsOf(lookupOf({}, true))).toEqual([]);
  expect((await limitsOf(lookupOf({}, false))).join()).toContain('example.com is not signed by DNSSEC');
  expect((await limitsOf(lookupOf({}))).join()).toContain('could not be found out');
  expect((await limitsOf(lookupOf({}, true), 'other.example')).join()).toContain('2027-03-15');
});

test('a lookup that fails is told as "not known", and ends nothing', async () => {
  const failing: Lookup = {
    ...lookupOf({}, true),
    findAuthorities: () =>
      Promise.reject(new PosternError('DNS_LOOKUP_FAILED', { name: NAME, reason: 'ETIMEOUT' })),
  };
  expect((await limitsOf(failing)).join()).toContain('could not be found out');
});

test('a person is told the records in the form of a zone file', () => {
  expect(renderCaaAdvice(NAME, BINDING).slice(1)).toEqual([
    `  ${NAME}.  300  IN  CAA 0 issue "letsencrypt.org; accounturi=https://ca.example/acct/1; validationmethods=tls-alpn-01"`,
    `  ${NAME}.  300  IN  CAA 0 issuewild ";"`,
  ]);
});
