// npm run bench [-- NAME…] [--check] [--quick]
// Measures the suites (all, or those named), writes bench/results/NAME.json, prints the table and, with --check, ends with
// status 1 when a row is missed. --quick: shortened faults and loads, about five minutes, results in bench/results/quick/.
import { mkdir, writeFile } from 'node:fs/promises';
import { readResults } from '../scripts/docs/documents.ts';
import { Stage } from './stage.ts';
import { bulk } from './suites/bulk.ts';
import { connect } from './suites/connect.ts';
import { latency } from './suites/latency.ts';
import { rate } from './suites/rate.ts';
import { recovery } from './suites/recovery.ts';
import type { Suite } from './suites/suite.ts';
import { websockets } from './suites/websockets.ts';
import { type Verdict, judge } from './targets.ts';
import { type BuiltPackage, buildPackage } from './tools/package.ts';
import { describeMachine, readCommit, readLoad } from './tools/machine.ts';
import type { SuiteResult } from './tools/result.ts';

const SUITES: readonly Suite[] = [latency, connect, rate, bulk, websockets, recovery];

const words = process.argv.slice(2);
const isQuick = words.includes('--quick');
const isCheck = words.includes('--check');
const names = words.filter((word) => !word.startsWith('--'));
const unknown = names.filter((name) => !SUITES.some((suite) => suite.name === name));
if (
  unknown.length > 0 ||
  words.some((word) => word.startsWith('--') && !['--quick', '--check'].includes(word))
) {
  console.error(
    `usage: npm run bench -- [--quick] [--check] [${SUITES.map(({ name }) => name).join('|')} …]`,
  );
  process.exit(64);
}
if (process.getuid?.() !== 0) {
  console.error('The benchmarks make network namespaces, so they need root.');
  process.exit(77);
}
// Whoever stops the benchmark stops everything that it started: the namespaces end with their holders.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

const folder = new URL(isQuick ? './results/quick/' : './results/', import.meta.url);
await mkdir(folder, { recursive: true });
const built = await buildPackage();
const measured: SuiteResult[] = [];
let hasFailed = false;
for (const suite of SUITES) {
  if (names.length > 0 && !names.includes(suite.name)) continue;
  console.error(`== ${suite.name}`);
  try {
    const result = await runSuite(suite, built);
    measured.push(result);
    await writeFile(new URL(`${suite.name}.json`, folder), `${JSON.stringify(result)}\n`);
  } catch (error) {
    hasFailed = true;
    console.error(error);
  }
}
const suites = new Set(measured.map(({ suite }) => suite));
const results = [...measured, ...(isQuick ? [] : readResults().filter(({ suite }) => !suites.has(suite)))];
const verdicts = judge(results).filter(({ target }) => names.length === 0 || names.includes(target.suite));
for (const verdict of verdicts) console.log(describeVerdict(verdict));
if (hasFailed || (isCheck && verdicts.some(({ isMet }) => !isMet))) process.exitCode = 1;

async function runSuite(suite: Suite, { program }: BuiltPackage): Promise<SuiteResult> {
  const startedAt = new Date();
  const loadBefore = readLoad();
  const stage = await Stage.open(program, suite.stage);
  try {
    const samples = await suite.run(stage, { isQuick, say: (text) => console.error(`   ${text}`) });
    return {
      suite: suite.name,
      startedAt: startedAt.toISOString(),
      durationSeconds: (Date.now() - startedAt.getTime()) / 1000,
      isQuick,
      commit: await readCommit(),
      machine: await describeMachine(),
      loadBefore,
      samples,
    };
  } finally {
    await stage.close();
  }
}

function describeVerdict({ target, value, isMet }: Verdict): string {
  const limit = 'atMost' in target.limit ? `≤ ${target.limit.atMost}` : `≥ ${target.limit.atLeast}`;
  const mark = isMet ? 'met   ' : value === undefined ? 'no run' : 'MISSED';
  return `${mark} ${target.id.padEnd(18)} ${value?.toFixed(3) ?? '-'} (${limit} ${target.unit})`;
}
