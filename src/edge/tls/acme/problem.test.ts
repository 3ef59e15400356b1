import fc from 'fast-check';
import { expect, test } from 'vitest';
import { errorOfProblem, readProblem, readRetryAfter } from './problem.ts';

/** As Let's Encrypt and Pebble answer. */
const RATE_LIMITED = {
  type: 'urn:ietf:params:acme:error:rateLimited',
  detail: 'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s',
  status: 429,
};
const REJECTED = {
  type: 'urn:ietf:params:acme:error:rejectedIdentifier',
  detail: 'Error creating new order',
  subproblems: [{ detail: 'the policy forbids \u001b[31mchat.example\u001b[0m', type: 'x' }, null, 5],
};

test('a limit is a code of its own and keeps the time that the authority names', () => {
  const error = errorOfProblem(readProblem(RATE_LIMITED), 429, 60_000);
  expect(error.code).toBe('ACME_RATE_LIMITED');
  expect(error.details['retryAfterMs']).toBe(60_000);
  expect(error.message).toContain('already issued');
});

test('a refusal tells the authority’s words with those of its parts, without escape sequences', () => {
  const error = errorOfProblem(readProblem(REJECTED), 403, undefined);
  expect(error.code).toBe('ACME_REFUSED');
  expect(error.message).toContain('the policy forbids');
  expect(error.message).toContain('(rejectedIdentifier)');
  expect(error.message).not.toContain('\u001b');
});

test('whatever comes, it is an error that can be shown', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const { message } = errorOfProblem(readProblem(json), 400, undefined);
      expect(message.length).toBeLessThan(1000);
    }),
  );
  expect(errorOfProblem(readProblem(undefined), 400, undefined).message).toContain('status 400');
});

test('Retry-After is seconds or a date (RFC 9110 §10.2.3)', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  expect(readRetryAfter('120', nowMs)).toBe(120_000);
  expect(readRetryAfter('Thu, 01 Jan 2026 01:00:00 GMT', nowMs)).toBe(3_600_000);
  expect(readRetryAfter('Thu, 01 Jan 2025 01:00:00 GMT', nowMs)).toBe(0);
  for (const bad of [undefined, '', 'soon', '-5', '1.5e99x'])
    expect(readRetryAfter(bad, nowMs)).toBeUndefined();
});
