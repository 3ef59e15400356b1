import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { classifyUpdate } from './classify.ts';

/** Recorded from the real program: where it comes from, its outcome, its status, a line `---`, the words. */
const SAMPLES = new URL('../../../test/golden/nsupdate/', import.meta.url);

test.each(readdirSync(SAMPLES))('the words of %s are understood', (file) => {
  const [head = '', words = ''] = readFileSync(new URL(file, SAMPLES), 'utf8').split('\n---\n');
  const [, outcome, status] = head.split('\n');
  expect(classifyUpdate({ status: Number(status), stdout: '', stderr: words })).toBe(outcome);
});

test.each([
  [{ status: 0, stdout: '', stderr: '' }, 'done'],
  [{ status: null, stdout: '', stderr: '' }, 'unreachable'],
  [{ status: null, stdout: '', stderr: '', startError: 'ENOENT' }, 'missing'],
  [{ status: null, stdout: '', stderr: '', startError: 'EACCES' }, 'odd'],
  [{ status: 2, stdout: '', stderr: 'update failed: YXDOMAINX' }, 'odd'],
] as const)('the end %j means %s', (end, outcome) => {
  expect(classifyUpdate(end)).toBe(outcome);
});
