import { delimiter, dirname, join } from 'node:path';
import { printable } from '../../core/printable.ts';
import { listFolder, readBoundedFile } from '../../platform/files.ts';
import { type RunResult, runProcess } from '../../platform/processes.ts';

/** OpenClaw's own program, as it can be run here. */
export interface OpenClawProgram {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where it was found, for people. */
  readonly source: string;
  /** The settings file that it says it uses. */
  readonly configFile: string;
}

export interface ProgramPlace {
  readonly env: NodeJS.ProcessEnv;
  readonly userHome: string;
}

type Candidate = Omit<OpenClawProgram, 'configFile'>;

/** It takes 2 s on a quick machine. */
const TIMEOUT_MS = 60_000;
const DOCKER_TIMEOUT_MS = 5000;

/**
 * Looks in the service that runs the gateway, in PATH, and in nvm, in this order: the service knows which settings
 * file its gateway reads.
 * @returns undefined when there is none that answers
 */
export async function findOpenClaw(place: ProgramPlace): Promise<OpenClawProgram | undefined> {
  const finders = [findInServices, findInPath, findInNvm];
  for (const find of finders) {
    for (const candidate of await find(place)) {
      const { status, stdout } = await runOpenClaw(candidate, ['config', 'file', '--json']);
      const configFile = status === 0 ? pathIn(stdout) : undefined;
      if (configFile !== undefined) return { ...candidate, configFile };
    }
  }
  return undefined;
}

function pathIn(answer: string): string | undefined {
  try {
    const { path } = JSON.parse(answer) as { path?: unknown };
    return typeof path === 'string' && path.startsWith('/') ? path : undefined;
  } catch {
    return undefined;
  }
}

/** @param input for its standard input */
export function runOpenClaw(
  { program, args, env }: Candidate,
  more: readonly string[],
  input = '',
): Promise<RunResult> {
  const quiet = { NO_COLOR: '1', CI: '1', OPENCLAW_NO_AUTO_UPDATE: '1' };
  return runProcess(program, [...args, ...more], {
    env: { ...env, ...quiet },
    timeoutMs: TIMEOUT_MS,
    input,
  });
}

/** Its last words, for people. */
export function wordsOf({ stdout, stderr, status }: RunResult): string {
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  return printable(lines.at(-1)?.trim() ?? `it ended with status ${status}`, 300);
}

/** The unit or the agent that `openclaw gateway install` makes. */
async function findInServices({ env, userHome }: ProgramPlace): Promise<Candidate[]> {
  const folders = [
    { folder: join(userHome, '.config/systemd/user'), name: /^openclaw-gateway.*\.service$/, read: readUnit },
    { folder: join(userHome, 'Library/LaunchAgents'), name: /^ai\.openclaw\..+\.plist$/, read: readAgent },
  ];
  const found: Candidate[] = [];
  for (const { folder, name, read } of folders) {
    for (const file of (await listFolder(folder)).filter((one) => name.test(one)).toSorted()) {
      const text = await readBoundedFile(join(folder, file));
      if (!text.ok) continue;
      const service = read(text.file.bytes.toString('utf8'));
      const candidate = candidateOf(service, env, `the service ${file}`);
      if (candidate) found.push(candidate);
    }
  }
  return found;
}

/** A service's command line and variables. */
export interface GatewayService {
  readonly words: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

/** `/path/node /path/openclaw/dist/index.js gateway --port 18789`: what stands before `gateway` is the program. */
function candidateOf(
  { words, variables }: GatewayService,
  env: NodeJS.ProcessEnv,
  source: string,
): Candidate | undefined {
  const end = words.indexOf('gateway');
  const [program, ...args] = words.slice(0, end === -1 ? 0 : end);
  if (program === undefined || !program.startsWith('/')) return undefined;
  if (!/openclaw/.test([program, ...args].join(' '))) return undefined;
  return { program, args, env: { ...env, ...variables }, source };
}

/** systemd.syntax(7), as far as OpenClaw's own unit uses it. Pure. */
export function readUnit(text: string): GatewayService {
  const valuesOf = (key: string): string[][] =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => splitWords(value));
  const pairs = valuesOf('Environment').flat();
  return { words: valuesOf('ExecStart').at(-1) ?? [], variables: variablesIn(pairs) };
}

function splitWords(line: string): string[] {
  const words = line.match(/(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"'])+/g) ?? [];
  return words.map((word) =>
    word
      .replaceAll(
        /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/g,
        (_all, one?: string, two?: string) => one ?? two ?? '',
      )
      .replaceAll(/\\(.)/g, '$1')
      .replaceAll('%%', '%'),
  );
}

const variablesIn = (pairs: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    pairs
      .filter((pair) => /^OPENCLAW_\w+=/.test(pair))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );

/** launchd.plist(5), as far as OpenClaw's own agent uses it. Pure. */
export function readAgent(text: string): GatewayService {
  const block = (key: string, tag: string): string =>
    new RegExp(`<key>${key}</key>\\s*<${tag}>([^]*?)</${tag}>`).exec(text)?.[1] ?? '';
  const words = [...block('ProgramArguments', 'array').matchAll(/<string>([^<]*)<\/string>/g)];
  const pairs = [
    ...block('EnvironmentVariables', 'dict').matchAll(/<key>([^<]*)<\/key>\s*<string>([^<]*)<\/string>/g),
  ];
  return {
    words: words.map(([, word = '']) => fromXml(word)),
    variables: variablesIn(pairs.map(([, name = '', value = '']) => `${fromXml(name)}=${fromXml(value)}`)),
  };
}

const fromXml = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');

async function findInPath({ env }: ProgramPlace): Promise<Candidate[]> {
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter((one) => one.startsWith('/'))) {
    const names = await listFolder(folder);
    if (names.includes('openclaw'))
      return [{ program: join(folder, 'openclaw'), args: [], env, source: 'PATH' }];
  }
  return [];
}

/** Newest Node first; the program starts with `env node`, so its Node has to be the first in PATH. */
async function findInNvm({ env, userHome }: ProgramPlace): Promise<Candidate[]> {
  const folder = join(env['NVM_DIR'] ?? join(userHome, '.nvm'), 'versions/node');
  const versions = (await listFolder(folder)).toSorted((one, other) =>
    other.localeCompare(one, 'en', { numeric: true }),
  );
  const found: Candidate[] = [];
  for (const version of versions) {
    const program = join(folder, version, 'bin/openclaw');
    if (!(await listFolder(dirname(program))).includes('openclaw')) continue;
    const path = [dirname(program), env['PATH'] ?? ''].join(delimiter);
    found.push({ program, args: [], env: { ...env, PATH: path }, source: `nvm (${version})` });
  }
  return found;
}

/** Names of running containers with a gateway in them; none when Docker is not there. */
export async function findContainers(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const args = ['ps', '--format', '{{.Names}}\t{{.Image}}'];
  const { status, stdout } = await runProcess('docker', args, { env, timeoutMs: DOCKER_TIMEOUT_MS });
  if (status !== 0) return [];
  return stdout
    .split('\n')
    .filter((line) => /openclaw/i.test(line))
    .map((line) => printable(line.split('\t')[0] ?? '', 100));
}
