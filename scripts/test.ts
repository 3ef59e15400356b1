import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RootWay, findRootWay, prepareSystem } from './system-packages.ts';
import { type Counts, addCounts, countVitest, isFailure } from './test-counts.ts';

/**
 * npm test [-- --long] [-- STAGE…]: everything, one stage after the other, ending with a line of three numbers.
 * `--long` also runs the long matrices. Exit status 0 means: all ran, nothing failed; with CI=true also: nothing was skipped.
 */

interface Stage {
  readonly name: string;
  /** A check counts as one test; a project of vitest counts its own. */
  readonly run: { readonly check: readonly string[] } | { readonly project: string };
  /** Namespaces need Linux, root and the system's programs. */
  readonly needsSystem: boolean;
}

const STAGES: readonly Stage[] = [
  { name: 'types', run: { check: ['tsc', '--noEmit'] }, needsSystem: false },
  { name: 'lint', run: { check: ['oxlint', '--type-aware', '--deny-warnings'] }, needsSystem: false },
  { name: 'format', run: { check: ['prettier', '--check', '--log-level', 'warn', '.'] }, needsSystem: false },
  { name: 'knip', run: { check: ['knip'] }, needsSystem: false },
  { name: 'arch', run: { project: 'arch' }, needsSystem: false },
  { name: 'unit', run: { project: 'unit' }, needsSystem: false },
  { name: 'e2e', run: { project: 'e2e' }, needsSystem: true },
  { name: 'fault', run: { project: 'fault' }, needsSystem: true },
  { name: 'browser', run: { project: 'browser' }, needsSystem: true },
];

interface Outcome {
  readonly stage: string;
  readonly counts: Counts;
  readonly seconds: number;
  readonly note: string | undefined;
}

const root = join(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);

async function main(args: readonly string[]): Promise<number> {
  const isLong = args.includes('--long');
  const asked = args.filter((argument) => argument !== '--long');
  const unknown = asked.find((name) => !STAGES.some((stage) => stage.name === name));
  if (unknown !== undefined) {
    console.error(`There is no stage ${unknown}. Stages: ${STAGES.map((stage) => stage.name).join(', ')}`);
    return 64;
  }
  const stages = STAGES.filter((stage) => asked.length === 0 || asked.includes(stage.name));
  const rootWay = findRootWay();
  const advice = stages.some((stage) => stage.needsSystem) ? adviceFor(rootWay) : undefined;
  if (advice !== undefined) console.log(advice);
  const started = performance.now();
  const outcomes: Outcome[] = [];
  for (const stage of stages) outcomes.push(await runStage(stage, isLong, rootWay, advice));
  return conclude(outcomes, (performance.now() - started) / 1000, advice);
}

/** What has to be done before the stages with real programs can run here; undefined when all is there. */
function adviceFor(rootWay: RootWay): string | undefined {
  if (process.platform !== 'linux') {
    return 'e2e, fault and browser tests make Linux network namespaces: run them on Linux (a virtual machine will do).';
  }
  const { advice } = prepareSystem(rootWay);
  if (advice !== undefined) return advice;
  return rootWay === undefined
    ? 'e2e, fault and browser tests make network namespaces: run npm test as root, or allow sudo without a password.'
    : undefined;
}

async function runStage(
  stage: Stage,
  isLong: boolean,
  rootWay: RootWay,
  advice: string | undefined,
): Promise<Outcome> {
  console.log(`\n── ${stage.name} ${'─'.repeat(70 - stage.name.length)}`);
  const started = performance.now();
  const outcome = (counts: Counts, note?: string): Outcome => ({
    stage: stage.name,
    counts,
    seconds: (performance.now() - started) / 1000,
    note,
  });
  if (stage.needsSystem && advice !== undefined) {
    const counts =
      process.platform === 'linux'
        ? { passed: 0, failed: 1, skipped: 0 }
        : { passed: 0, failed: 0, skipped: 1 };
    return outcome(counts, 'did not run');
  }
  if ('check' in stage.run) {
    const [tool, ...args] = stage.run.check;
    const isFine = (await run([bin(tool as string), ...args], {})) === 0;
    return outcome({ passed: isFine ? 1 : 0, failed: isFine ? 0 : 1, skipped: 0 });
  }
  return outcome(await runProject(stage.run.project, isLong, stage.needsSystem ? (rootWay ?? []) : []));
}

async function runProject(project: string, isLong: boolean, rootWay: readonly string[]): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const report = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const vitest = [
    process.execPath,
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--project',
    project,
    ...reporters,
  ];
  const env = { ...(isLong ? { POSTERN_LONG: '1' } : {}), PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  const withEnv = ['env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  // Root's cache in node_modules would be in the way of the user afterwards.
  const asRoot = [...rootWay, '--preserve-env', ...withEnv, ...vitest, '--cache=false'];
  const command = rootWay.length > 0 ? asRoot : vitest;
  try {
    const status = await run(command, env);
    return countVitest(readReport(report), status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function run(command: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const [file, ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(file as string, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    child.once('error', (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.once('close', (status) => resolve(status ?? 1));
  });
}

function conclude(outcomes: readonly Outcome[], seconds: number, advice: string | undefined): number {
  const sum = outcomes.map((outcome) => outcome.counts).reduce(addCounts);
  const isCi = process.env['CI'] === 'true';
  console.log(`\n── summary ${'─'.repeat(63)}`);
  for (const { stage, counts, seconds: took, note } of outcomes) {
    const mark = isFailure(counts, isCi) ? 'FAILED' : 'ok';
    const numbers = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
    console.log(
      `${mark.padEnd(8)}${stage.padEnd(10)}${`${took.toFixed(1)} s`.padStart(9)}   ${note ?? numbers}`,
    );
  }
  if (advice !== undefined) console.log(`\n${advice}`);
  if (isCi && sum.skipped > 0) console.log('\nCI=true: a skipped test fails the run.');
  console.log(`\nTotal time ${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`);
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
  return isFailure(sum, isCi) ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
