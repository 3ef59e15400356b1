import type { ServiceConfig } from '../config/schema.ts';
import { printable } from '../core/printable.ts';
import { type CheckCode, type CheckDefinition, CHECK_LIST, CHECKS } from './catalogue.ts';
import type { CheckResult, Finding, LookInput, Outcome, Surroundings, Verification } from './contract.ts';
import { layersOf } from './layers.ts';
import { LOOKS } from './looks.ts';

export interface VerifyOptions {
  readonly surroundings: Surroundings;
  /** Names of the services to look at. Default: all. */
  readonly names?: readonly string[];
  /** Which checks. Default: all. */
  readonly codes?: readonly CheckCode[];
  readonly onResult?: (result: CheckResult, done: number, total: number) => void;
}

/** One check of one subject. */
interface Task {
  readonly code: CheckCode;
  readonly service: ServiceConfig;
  /** Empty for the whole home. */
  readonly subject: string;
}

/**
 * Tries every door, those without open prerequisites side by side. A service whose login does not hold is shut at once.
 * A look that fails by itself says `unknown`; nothing is thrown.
 */
export async function verify(options: VerifyOptions): Promise<Verification> {
  const { surroundings, names, codes, onResult } = options;
  const { config, clock } = surroundings;
  const services = config.services.filter(({ name }) => names === undefined || names.includes(name));
  const tasks = tasksOf(services, codes);
  const running = new Map<string, Promise<CheckResult>>();
  let done = 0;
  for (const task of tasks) {
    // A prerequisite stands before what needs it, so its promise is there already.
    const result = prerequisitesOf(task, services, running).then((causes) =>
      runTask(task, causes, surroundings, services),
    );
    running.set(
      keyOf(task.code, task.subject),
      result.then((one) => (onResult?.(one, ++done, tasks.length), one)),
    );
  }
  const checks = await Promise.all(running.values());
  return {
    atMs: clock.nowMs(),
    front: `${surroundings.front.host}:${surroundings.front.port}`,
    relay: `${config.relay.host}:${config.relay.port}`,
    checks,
    layers:
      codes === undefined ? services.flatMap((service) => layersOf(service, checks, surroundings.link)) : [],
    relayRootAtMs: wasRelaySeen(checks) ? clock.nowMs() : surroundings.relayRootAtMs,
    shutServices: await shutWhatIsOpen(checks, services, surroundings),
  };
}

function tasksOf(
  services: readonly ServiceConfig[],
  codes: readonly CheckCode[] | undefined,
): readonly Task[] {
  const [first] = services;
  return CHECK_LIST.filter(({ code }) => codes === undefined || codes.includes(code)).flatMap(
    ({ code, scope }) => {
      if (scope === 'service') return services.map((service) => ({ code, service, subject: service.name }));
      return first ? [{ code, service: first, subject: '' }] : [];
    },
  );
}

const keyOf = (code: string, subject: string): string => `${code} ${subject}`;

/** The results that a task waits for: of its own service; for the whole home, of every service. */
async function prerequisitesOf(
  { code, subject }: Task,
  services: readonly ServiceConfig[],
  running: ReadonlyMap<string, Promise<CheckResult>>,
): Promise<readonly CheckResult[]> {
  const subjects = subject === '' ? services.map(({ name }) => name) : [subject];
  const { needs }: CheckDefinition = CHECKS[code];
  const results = needs.flatMap((need) => subjects.map((name) => running.get(keyOf(need, name))));
  return Promise.all(results.filter((result) => result !== undefined));
}

/** A door that is not there, or that nobody was asked to look at, stands in nobody's way. */
const lets = ({ outcome }: CheckResult): boolean => outcome === 'shut' || outcome === 'not-applicable';

async function runTask(
  task: Task,
  causes: readonly CheckResult[],
  surroundings: Surroundings,
  services: readonly ServiceConfig[],
): Promise<CheckResult> {
  const { clock, config } = surroundings;
  const startMs = clock.monotonicMs();
  // For the whole home one way in that works is enough to look through.
  const isBarred = task.subject === '' ? causes.length > 0 && !causes.some(lets) : !causes.every(lets);
  const cause = causes.find((one) => !lets(one));
  const found: Omit<Finding, 'outcome'> & { outcome: Outcome } =
    isBarred && cause
      ? { outcome: 'skipped', evidence: `${cause.code} comes first` }
      : await look(task, { ...surroundings, service: task.service, services });
  const isTold = found.outcome === 'open' || found.outcome === 'unknown';
  return {
    code: task.code,
    subject: task.subject,
    outcome: found.outcome,
    evidence: found.evidence,
    remedy: isTold ? fill(CHECKS[task.code].remedy, { service: task.subject, home: config.home }) : undefined,
    exchanges: found.exchanges ?? [],
    atMs: clock.nowMs(),
    tookMs: Math.round(clock.monotonicMs() - startMs),
  };
}

async function look(task: Task, input: LookInput): Promise<Finding> {
  try {
    return await LOOKS[task.code](input);
  } catch (error) {
    return {
      outcome: 'unknown',
      evidence: printable(error instanceof Error ? error.message : String(error), 300),
    };
  }
}

const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);

/** The checks that tell whether a stranger can get in, with what they need. */
export const LOGIN_CHECKS: readonly CheckCode[] = [
  'CERTIFICATE_OURS',
  'CANARY',
  'LOGIN',
  'FORGED_ADDRESS',
  'FOREIGN_WEBSOCKET',
  'DENIED_PATHS',
];

const isAboutLogin = (code: CheckCode): boolean => {
  const { needs }: CheckDefinition = CHECKS[code];
  return code === 'LOGIN' || needs.includes('LOGIN');
};

/** `auth: none` was written by hand: it is told, and stays as its owner wants it. */
async function shutWhatIsOpen(
  checks: readonly CheckResult[],
  services: readonly ServiceConfig[],
  { shutService }: Surroundings,
): Promise<readonly string[]> {
  if (!shutService) return [];
  const shut: string[] = [];
  for (const { code, subject, outcome, evidence } of checks) {
    if (!isAboutLogin(code) || outcome !== 'open' || shut.includes(subject)) continue;
    if (services.find(({ name }) => name === subject)?.auth === 'none') continue;
    if (await shutService(subject, evidence)) shut.push(subject);
  }
  return shut;
}

/** Was the relay looked at from inside, whatever was found? */
export function wasRelaySeen(checks: readonly CheckResult[]): boolean {
  return checks.some(
    ({ code, outcome }) =>
      CHECKS[code].vantage === 'relay-root' && (outcome === 'shut' || outcome === 'open'),
  );
}

/** Codes of checks with that outcome, each once. */
export function codesWith(verification: Verification, outcome: Outcome): readonly CheckCode[] {
  const found = verification.checks.filter((check) => check.outcome === outcome).map(({ code }) => code);
  return [...new Set(found)];
}
