import { expect, test } from 'vitest';
import { addCounts, countVitest, isFailure } from '../../scripts/test-counts.ts';

const report = (passed: number, failed: number, skipped: number, files: readonly unknown[] = []): string =>
  JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    numTodoTests: 0,
    testResults: files,
  });

test('a stage counts what its report says', () => {
  expect(countVitest(report(5, 0, 0), 0)).toEqual({ passed: 5, failed: 0, skipped: 0 });
  expect(countVitest(report(5, 2, 1), 1)).toEqual({ passed: 5, failed: 2, skipped: 1 });
});

test('a file that did not load, a hook that threw, a missing report and a bad exit are failures', () => {
  const broken = { status: 'failed', assertionResults: [] };
  const hook = { status: 'failed', assertionResults: [{ status: 'passed' }] };
  const plain = { status: 'failed', assertionResults: [{ status: 'failed' }] };
  expect(countVitest(report(1, 1, 0, [broken, hook, plain]), 1).failed).toBe(3);
  expect(countVitest(undefined, 0).failed).toBe(1);
  expect(countVitest(report(9, 0, 0), 1).failed).toBe(1);
});

test('a skipped test fails the run on CI and only there', () => {
  const skipped = addCounts({ passed: 1, failed: 0, skipped: 0 }, { passed: 1, failed: 0, skipped: 1 });
  expect(isFailure(skipped, true)).toBe(true);
  expect(isFailure(skipped, false)).toBe(false);
  expect(isFailure({ passed: 1, failed: 1, skipped: 0 }, false)).toBe(true);
  expect(isFailure({ passed: 2, failed: 0, skipped: 0 }, true)).toBe(false);
});
