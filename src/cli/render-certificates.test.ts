import { expect, test } from 'vitest';
import type { CertificateStatus } from '../daemon/contract.ts';
import { renderCertificates } from './render-certificates.ts';

const NOW = Date.UTC(2026, 5, 1);
const DAY = 24 * 3_600_000;

const FINE: CertificateStatus = {
  name: 'chat.example.com',
  source: 'acme',
  directory: 'https://authority.example/directory',
  startsAtMs: NOW - DAY,
  endsAtMs: NOW + 44 * DAY,
  renewAtMs: NOW + 29 * DAY,
  suggested: undefined,
  failures: 0,
  lastFailure: undefined,
  nextTryAtMs: undefined,
};

test('a certificate that stands well is one line', () => {
  expect(renderCertificates([FINE], NOW).split('\n')).toEqual([
    'NAME              FROM                                 ENDS                        RENEWAL',
    'chat.example.com  https://authority.example/directory  2026-07-15 00:00 (in 44 d)  2026-06-30 00:00',
  ]);
});

test('files, a suggested window, an end in the past and none yet are told apart', () => {
  const suggested = { startMs: NOW, endMs: NOW + DAY, explanation: 'https://authority.example/why\u001b[2J' };
  const text = renderCertificates(
    [
      { ...FINE, name: 'a.example.com', suggested },
      { ...FINE, name: 'b.example.com', source: 'files', directory: undefined },
      { ...FINE, name: 'c.example.com', endsAtMs: NOW - 3 * DAY, renewAtMs: NOW - 4 * DAY },
      { ...FINE, name: 'd.example.com', endsAtMs: undefined, renewAtMs: undefined },
    ],
    NOW,
  );
  expect(text).toContain('as the authority suggests');
  expect(text).toContain('a.example.com: the authority says why: https://authority.example/why\\u{1b}[2J');
  expect(text).toMatch(/b\.example\.com +files .* by whoever writes the files/);
  expect(text).toMatch(/c\.example\.com .* ended 3 d ago +now/);
  expect(text).toMatch(/d\.example\.com .* none yet +now/);
});

test('what went wrong, how often, when it is tried again and what to do stand below', () => {
  const lastFailure = {
    atMs: NOW - 60_000,
    code: 'ACME_NOT_PROVEN',
    title: 'It could not see it',
    remedy: 'Do that',
  } as const;
  const text = renderCertificates([{ ...FINE, failures: 2, lastFailure, nextTryAtMs: NOW + 3_600_000 }], NOW);
  expect(text.split('\n').slice(-3)).toEqual([
    'chat.example.com: failed 2 times, last 60 s ago. Next attempt in 60 min.',
    '  It could not see it [ACME_NOT_PROVEN]',
    '  Do that',
  ]);
});
