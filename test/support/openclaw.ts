import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type ChildHandle, runProcess } from '../../src/platform/processes.ts';
import { spawnTied } from './tied-process.ts';
import { waitFor } from './wait-for.ts';
import { makeTestFolder } from './temporary-folder.ts';

const VERSION = '2026.9.6';
const REPOSITORY = join(import.meta.dirname, '../..');
const CACHE = join(REPOSITORY, 'node_modules/.cache/postern', `openclaw-${VERSION}`);

/** The first start of a fresh state takes 9 to 27 s on two busy cores. */
const READY_TIMEOUT_MS = 150_000;
const INSTALL_TIMEOUT_MS = 300_000;

/** A real OpenClaw gateway on loopback with a state folder of its own, cut off from the network's model catalogues. */
export interface OpenClaw {
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The shared token. */
  readonly token: string;
  /** Changes its configuration file, which it reads again by itself; give `undefined` to remove a key. */
  configure(change: (config: OpenClawConfig) => void): Promise<void>;
  /** Its settings file. */
  readonly configFile: string;
  /** Its own program: node, and what stands before the words of a command. */
  readonly command: readonly string[];
  /** The variables with which it runs; its commands need the same. */
  readonly env: NodeJS.ProcessEnv;
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** Only what the tests change; the file has more. */
export interface OpenClawConfig {
  gateway: {
    trustedProxies?: string[];
    controlUi?: { allowedOrigins?: string[]; basePath?: string };
    http?: { endpoints?: Record<string, { enabled: boolean }> };
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

export interface OpenClawOptions {
  readonly token: string;
  /** Base URL of an OpenAI-compatible model (`openai-stub.ts`). */
  readonly modelUrl: string;
}

/** Installs the gateway if it is missing, starts it and waits until it is ready. */
export async function startOpenClaw(options: OpenClawOptions): Promise<OpenClaw> {
  const entry = await installOpenClaw();
  const port = await findFreePort();
  const folder = makeTestFolder('postern-openclaw-');
  const configFile = join(folder, 'state', 'openclaw.json');
  for (const name of ['home', 'tmp', 'state']) await mkdir(join(folder, name), { mode: 0o700 });
  await writeConfig(configFile, initialConfig(folder, port, options));
  const child = spawnTied(process.execPath, [entry, 'gateway', 'run'], {
    cwd: folder,
    env: environment(folder, configFile),
  });
  const output = keepOutput(child);
  const stop = async (): Promise<void> => {
    await endProcess(child);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await waitUntilReady(child, port);
  } catch (error) {
    await stop();
    throw new Error(`the gateway did not start:\n${output().slice(-4000)}`, { cause: error });
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    token: options.token,
    configFile,
    command: [process.execPath, entry],
    env: environment(folder, configFile),
    async configure(change) {
      const config = JSON.parse(await readFile(configFile, 'utf8')) as OpenClawConfig;
      change(config);
      await writeConfig(configFile, config);
    },
    log: () => Promise.resolve(output()),
    stop,
  };
}

/**
 * Installs the package once into a cache that git does not see; two runs at once wait for each other (flock(1)
 * lets go when its process ends, however it ends). Its install scripts are not needed.
 * @returns the path of its program
 */
async function installOpenClaw(): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  await writeFile(join(CACHE, 'package.json'), '{"private":true}\n');
  const script =
    'test -e .installed || { npm install "$1" --ignore-scripts --no-audit --no-fund --loglevel=error && touch .installed; }';
  const install = ['-w', '280', join(CACHE, '.lock'), 'sh', '-c', script, 'sh', `openclaw@${VERSION}`];
  const { status, stderr } = await runProcess('flock', install, {
    cwd: CACHE,
    timeoutMs: INSTALL_TIMEOUT_MS,
  });
  if (status !== 0) throw new Error(`openclaw@${VERSION} could not be installed: ${stderr.slice(-2000)}`);
  return join(CACHE, 'node_modules/openclaw/openclaw.mjs');
}

function initialConfig(folder: string, port: number, options: OpenClawOptions): OpenClawConfig {
  return {
    gateway: { mode: 'local', port, bind: 'loopback', auth: { mode: 'token', token: options.token } },
    update: { checkOnStart: false },
    discovery: { mdns: { mode: 'off' } },
    logging: { file: join(folder, 'openclaw.jsonl') },
    agents: { defaults: { workspace: join(folder, 'workspace'), model: { primary: 'mock/echo' } } },
    models: {
      catalogRefresh: { enabled: false },
      providers: {
        mock: {
          baseUrl: options.modelUrl,
          apiKey: 'test',
          api: 'openai-completions',
          models: [{ id: 'echo', name: 'Echo', contextWindow: 32_000, maxTokens: 2000 }],
        },
      },
    },
  };
}

/** Nothing of the tester's own environment, and no request to anybody outside. */
function environment(folder: string, configFile: string): NodeJS.ProcessEnv {
  return {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: join(folder, 'home'),
    TMPDIR: join(folder, 'tmp'),
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
    CI: '1',
    DO_NOT_TRACK: '1',
    OPENCLAW_STATE_DIR: dirname(configFile),
    OPENCLAW_CONFIG_PATH: configFile,
    OPENCLAW_DISABLE_BONJOUR: '1',
    OPENCLAW_NO_RESPAWN: '1',
    OPENCLAW_NO_AUTO_UPDATE: '1',
    OPENCLAW_OFFLINE: '1',
    OPENCLAW_SKIP_CHANNELS: '1',
    OPENCLAW_EXEC_SHELL_SNAPSHOT: '0',
    OPENCLAW_ALLOW_MULTI_GATEWAY: '1',
  };
}

async function writeConfig(path: string, config: OpenClawConfig): Promise<void> {
  await writeFile(path, JSON.stringify(config, null, 2), { mode: 0o600 });
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function keepOutput(child: ChildHandle): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(-200_000);
    });
  }
  return () => text;
}

async function waitUntilReady(child: ChildHandle, port: number): Promise<void> {
  let hasEnded = false;
  void child.ended.then(() => {
    hasEnded = true;
  });
  await waitFor('the gateway is ready', READY_TIMEOUT_MS, async () => {
    if (hasEnded) throw new Error('it ended');
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === 200;
  });
}

async function endProcess(child: ChildHandle): Promise<void> {
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await child.ended;
  clearTimeout(force);
}
