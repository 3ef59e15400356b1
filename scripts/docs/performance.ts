import { COMPARISONS, type Verdict, judge } from '../../bench/targets.ts';
import type { SuiteResult } from '../../bench/tools/result.ts';

/** docs/performance.md: the measured table beside the targets, made from bench/results/*.json. */
export function renderPerformance(results: readonly SuiteResult[]): string {
  const verdicts = judge(results);
  return [
    '# Performance',
    '',
    'Made by `npm run docs` from `bench/results/*.json` (raw results: every sample, versions, repetitions) and',
    '`bench/targets.ts`; a test fails when they differ. `npm run bench` measures again, `npm run bench -- --check` ends',
    'with status 1 when a row is missed.',
    '',
    'Client, relay and home are network namespaces of one machine, joined by a link emulator with true delay and loss;',
    'sshd, nginx and ssh are the real ones. Comparisons alternate within one run, so read ratios, not absolute rates.',
    '',
    '| what | must reach | known reachable | measured | |',
    '| --- | --- | --- | --- | --- |',
    ...verdicts.map(renderRow),
    '',
    ...renderMisses(verdicts),
    ...renderComparisons(results),
    '## How each row is judged',
    '',
    ...verdicts.map(
      ({ target }) =>
        `- **${target.what}** (\`${target.id}\`, suite \`${target.suite}\`): ${target.judgedBy}.`,
    ),
    '',
    '## The runs',
    '',
    ...(results.length === 0 ? ['Nothing has been measured yet.', ''] : results.flatMap(renderRun)),
  ].join('\n');
}

function renderRow({ target, value, isMet }: Verdict): string {
  const limit = 'atMost' in target.limit ? `≤ ${target.limit.atMost}` : `≥ ${target.limit.atLeast}`;
  const measured = value === undefined ? '–' : `${formatNumber(value)} ${target.unit}`;
  const mark = value === undefined ? 'not measured' : isMet ? 'met' : '**missed**';
  return `| ${target.what} | ${limit} ${target.unit} | ${target.known} | ${measured} | ${mark} |`;
}

function renderMisses(verdicts: readonly Verdict[]): string[] {
  const missed = verdicts.filter(({ value, isMet }) => value !== undefined && !isMet);
  if (missed.length === 0) return [];
  return [
    '## Missed, and why',
    '',
    ...missed.map(({ target }) => `- **${target.what}**: ${target.ifMissed ?? 'not explained yet'}.`),
    '',
  ];
}

function renderComparisons(results: readonly SuiteResult[]): string[] {
  const lines = COMPARISONS.flatMap(({ suite, what, unit, judge: compare }) => {
    const value = compare(results.find((result) => result.suite === suite)?.samples ?? []);
    return Number.isNaN(value) ? [] : [`- ${what}: ${formatNumber(value)} ${unit}`];
  });
  if (lines.length === 0) return [];
  return [
    '## For comparison',
    '',
    'The nginx of the table proxies as nginx does by default: a new connection to the service for each request. One that',
    'is told to keep them (`keepalive` in an upstream block) is about twice as fast:',
    '',
    ...lines,
    '',
  ];
}

function renderRun({
  suite,
  startedAt,
  durationSeconds,
  isQuick,
  commit,
  machine,
  loadBefore,
  samples,
}: SuiteResult): string[] {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `- **${suite}**${isQuick ? ' (short)' : ''}: ${startedAt.slice(0, 16).replace('T', ' ')} UTC, commit ${commit}, ${samples.length} samples in ${Math.round(durationSeconds)} s.`,
    `  ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, kernel ${machine.kernel}, TCP ${machine.congestionControl}, load before ${loadBefore.toFixed(2)}. ${versions.join(', ')}.`,
    '',
  ];
}

function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
