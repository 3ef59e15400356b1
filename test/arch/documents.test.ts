import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TARGETS, judge } from '../../bench/targets.ts';
import type { Sample, SuiteResult } from '../../bench/tools/result.ts';
import { MADE_DOCUMENTS, readResults, renderDocument } from '../../scripts/docs/documents.ts';
import { renderErrors } from '../../scripts/docs/errors.ts';
import { renderPerformance } from '../../scripts/docs/performance.ts';
import { ERRORS, type ErrorDefinition } from '../../src/core/errors/index.ts';
import { ROOT } from './repository.ts';

test.each(MADE_DOCUMENTS)('$path is what it is made of ("npm run docs" writes it)', async (document) => {
  expect(readFileSync(join(ROOT, document.path), 'utf8')).toBe(await renderDocument(document));
});

test('docs/errors.md names every code of the catalogue with its remedy', () => {
  const text = renderErrors();
  for (const code of Object.keys(ERRORS)) expect(text).toContain(`### ${code}\n`);
  expect(text.match(/^- What to do: \S/gm)).toHaveLength(Object.keys(ERRORS).length);
});

test('codes are AREA_CAUSE and their texts are whole', () => {
  const odd = Object.entries<ErrorDefinition>(ERRORS).filter(
    ([code, { what, remedy }]) =>
      !/^[A-Z]+(?:_[A-Z0-9]+)*$/.test(code) || /[.\s]$/.test(what) || remedy.trim() === '',
  );
  expect(odd.map(([code]) => code)).toEqual([]);
});

const machine = { cpu: 'a', cores: 2, memoryGiB: 1, kernel: 'k', congestionControl: 'c', versions: {} };
const resultOf = (suite: string, samples: Sample[]): SuiteResult => ({
  suite,
  startedAt: '2026-01-01T00:00:00.000Z',
  durationSeconds: 1,
  isQuick: false,
  commit: 'abc',
  machine,
  loadBefore: 0,
  samples,
});
const pair = (number: number, wireMs: number, posternMs: number): Sample[] => [
  { variant: 'wire', pair: number, values: { p50Ms: wireMs } },
  { variant: 'postern', pair: number, values: { p50Ms: posternMs } },
];
const latency = (...factors: number[]): SuiteResult =>
  resultOf(
    'latency',
    factors.flatMap((factor, index) => pair(index + 1, 20 + index, (20 + index) * factor)),
  );
const verdictOf = (results: SuiteResult[]) =>
  judge(results).find(({ target }) => target.id === 'request-p50')!;

test('a row is judged by the median of the ratios of its pairs', () => {
  expect(verdictOf([latency(1.1, 9, 1.14)])).toMatchObject({ isMet: true });
  expect(verdictOf([latency(1.1, 9, 1.14)]).value).toBeCloseTo(1.14);
  expect(verdictOf([latency(1.2, 1, 1.16)])).toMatchObject({ isMet: false });
});

test('a row without a measurement, or with an odd one, is not met', () => {
  expect(verdictOf([])).toMatchObject({ value: undefined, isMet: false });
  expect(verdictOf([resultOf('latency', [])])).toMatchObject({ value: undefined, isMet: false });
  expect(verdictOf([resultOf('latency', pair(1, Number.NaN, 20))])).toMatchObject({ isMet: false });
});

test('a missed row is marked as missed in docs/performance.md', () => {
  expect(renderPerformance([latency(2, 2, 2)])).toMatch(/\| 2 × the bare wire \| \*\*missed\*\* \|/);
  expect(renderPerformance([latency(1, 1, 1)])).toMatch(/\| 1 × the bare wire \| met \|/);
});

test('every raw result belongs to a row of the table and was a full run', () => {
  const suites = new Set(TARGETS.map(({ suite }) => suite));
  const odd = readResults().filter(({ suite, isQuick }) => isQuick || !suites.has(suite));
  expect(odd.map(({ suite }) => suite)).toEqual([]);
});

test('npm run docs -- --check agrees', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/docs.ts'), '--check'], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
