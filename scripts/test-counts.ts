/** Results of a stage. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

export const addCounts = (one: Counts, other: Counts): Counts => ({
  passed: one.passed + other.passed,
  failed: one.failed + other.failed,
  skipped: one.skipped + other.skipped,
});

/**
 * Reads vitest's JSON report. A file that failed without a failed test (it did not load, a hook threw) is one failure,
 * and a bad exit status is never without one.
 * @param report its text, or undefined when there is none
 */
export function countVitest(report: string | undefined, exitStatus: number): Counts {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const read = JSON.parse(report) as VitestReport;
  const brokenFiles = read.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = read.numFailedTests + brokenFiles;
  return {
    passed: read.numPassedTests,
    failed: failed === 0 && exitStatus !== 0 ? 1 : failed,
    skipped: read.numPendingTests + read.numTodoTests,
  };
}

/** Does this end the run with a failure? On CI nothing may be left out. */
export function isFailure(counts: Counts, isCi: boolean): boolean {
  return counts.failed > 0 || (isCi && counts.skipped > 0);
}
