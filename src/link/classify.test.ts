import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../core/errors/index.ts';
import { linkErrors } from '../core/errors/link.ts';
import { classifyEnd, failureOf } from './classify.ts';

const FOLDER = new URL('../../test/golden/ssh-stderr/', import.meta.url);
const HALTING = [
  'SSH_HOST_KEY_CHANGED',
  'SSH_HOST_KEY_REVOKED',
  'SSH_HOST_KEY_UNKNOWN',
  'SSH_KEY_REFUSED',
  'SSH_KEY_UNREADABLE',
  'SSH_AGENT_REFUSED',
  'SSH_TOO_MANY_KEYS',
] as const;

/** A sample is: where it comes from, its code, a line of dashes, and what ssh printed. */
function readSample(name: string): { code: string; stderr: string } {
  const [head = '', stderr = ''] = readFileSync(new URL(name, FOLDER), 'utf8').split('---\n', 2);
  return { code: head.trim().split('\n').at(-1) ?? '', stderr };
}

describe("ssh's words become error codes", () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

  test('from at least 25 samples of four families', () => {
    expect(names.length).toBeGreaterThanOrEqual(25);
    for (const family of ['8.4-', '9.2-', '9.9-', 'windows-']) {
      expect(
        names.some((name) => name.startsWith(family)),
        family,
      ).toBe(true);
    }
  });

  test.each(names)('%s', (name) => {
    const { code, stderr } = readSample(name);
    expect(classifyEnd({ stderr, status: 255, signal: null }).code).toBe(code);
  });
});

test('unknown words are SSH_UNKNOWN with the last line, whatever the exit status says', () => {
  for (const status of [0, 1, 255]) {
    expect(classifyEnd({ stderr: 'first\nkra kra\n\n', status, signal: null })).toEqual({
      code: 'SSH_UNKNOWN',
      kind: 'retry',
      line: 'kra kra',
    });
  }
});

test('an end without a word is named by its signal or status', () => {
  expect(classifyEnd({ stderr: '', status: null, signal: 'SIGKILL' })).toMatchObject({
    code: 'SSH_ENDED',
    line: 'SIGKILL',
  });
  expect(classifyEnd({ stderr: '\n', status: 0, signal: null })).toMatchObject({
    code: 'SSH_ENDED',
    line: 'status 0',
  });
});

test('no ssh on the machine, and one that cannot start, are two things', () => {
  const none = { stderr: '', status: null, signal: null };
  expect(classifyEnd({ ...none, startError: 'ENOENT' }).code).toBe('SSH_NOT_FOUND');
  expect(classifyEnd({ ...none, startError: 'EAGAIN' })).toMatchObject({
    code: 'SSH_NOT_STARTED',
    line: 'EAGAIN',
  });
});

test('a refusal of key or host halts, a network that is not there asks first, the rest backs off', () => {
  for (const code of HALTING) expect(failureOf(code).kind, code).toBe('halt');
  for (const code of [
    'SSH_TIMEOUT',
    'SSH_REFUSED',
    'SSH_UNREACHABLE',
    'SSH_NAME_UNKNOWN',
    'SSH_SILENT',
  ] as const) {
    expect(failureOf(code).kind, code).toBe('network');
  }
  for (const code of ['SSH_CLOSED_EARLY', 'SSH_LOST', 'SSH_UNKNOWN', 'SSH_FORWARD_REFUSED'] as const) {
    expect(failureOf(code).kind, code).toBe('retry');
  }
});

test('what a relay makes ssh print cannot steer a terminal and is bounded', () => {
  const { line } = classifyEnd({
    stderr: `\u001B]0;owned\u0007\u202E${'x'.repeat(5000)}\n`,
    status: 255,
    signal: null,
  });
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(line.length).toBeLessThanOrEqual(300);
});

test('every code of the area is in the catalogue with a remedy', () => {
  for (const code of Object.keys(linkErrors) as (keyof typeof linkErrors)[]) {
    expect(ERRORS[code].remedy.length, code).toBeGreaterThan(10);
  }
});
