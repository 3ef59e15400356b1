import type { Command } from 'commander';
import { EXIT, PosternError } from '../../core/errors/index.ts';
import { type Log, silentLog } from '../../core/log.ts';
import { type Demo, type ServiceKind, startDemo } from '../../demo/demo.ts';
import { systemClock } from '../../platform/clock.ts';
import { VERSION } from '../../platform/version.ts';
import { approveCommand, describeAsJson, describeConnections, describeDemo } from '../demo-screen.ts';
import { LiveLines } from '../live-lines.ts';
import { printNote, printResult } from '../output.ts';

interface Options {
  readonly to?: string;
  readonly kind?: string;
  readonly port: string;
  readonly json?: boolean;
}

/** How often the live lines and the waiting browsers are looked at. */
const LOOK_MS = 500;
/** Ending takes a fraction of this; a demo that hangs is no reason for Ctrl-C not to work. */
const STOP_MS = 8000;

const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `postern demo`: everything on one machine, until Ctrl-C. */
export function define(command: Command): void {
  command
    .option('--to <target>', 'publish a service that runs already, such as http://127.0.0.1:18789')
    .option('--kind <kind>', 'web or openclaw (default: an OpenClaw gateway is recognised)')
    .option('--port <port>', 'where visitors arrive; 0 finds a free port', '0')
    .option('--json', 'print one JSON object when ready: url, user, password, ca')
    .action(run);
}

async function run(options: Options): Promise<void> {
  const port = readPort(options.port);
  const kind = readKind(options.kind);
  const end = watchEnd();
  let demo: Demo;
  try {
    demo = await startDemo(
      {
        to: options.to,
        kind,
        port,
        version: VERSION,
        env: process.env,
        clock: systemClock,
        log: process.env['POSTERN_DEBUG'] ? debugLog({}) : silentLog,
      },
      end.signal,
    );
  } catch (error) {
    if (end.wasAsked()) return process.exit(EXIT.fine);
    throw error;
  }
  const showing = show(demo, options);
  try {
    await Promise.race([end.asked, demo.daemon.ended, showing.failed]);
  } finally {
    showing.stop();
    await stopInTime(demo);
  }
  process.exit(EXIT.fine);
}

interface End {
  /** Aborts a start that is under way. */
  readonly signal: AbortSignal;
  /** Resolves when a signal asks for the end; rejects with an error that nobody caught. */
  readonly asked: Promise<void>;
  wasAsked(): boolean;
}

/** What ends the demo is decided before anything is started, so that nothing is left behind at any moment. */
function watchEnd(): End {
  const controller = new AbortController();
  const { promise: asked, resolve, reject } = Promise.withResolvers<void>();
  let wasAsked = false;
  for (const signal of END_SIGNALS) {
    process.on(signal, () => {
      wasAsked = true;
      controller.abort(new Error(signal));
      resolve();
    });
  }
  process.on('uncaughtException', (error) => {
    controller.abort(error);
    reject(error);
  });
  asked.catch(() => {}); // a start that is under way hears of it by the signal
  // The terminal may be gone before the demo is.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  return { signal: controller.signal, asked, wasAsked: () => wasAsked };
}

async function stopInTime(demo: Demo): Promise<void> {
  const late = new Promise<void>((resolve) => systemClock.after(STOP_MS, resolve));
  await Promise.race([demo.stop(), late]);
}

/** `failed` rejects when the screen cannot be kept up to date, and resolves never. */
function show(demo: Demo, options: Options): { stop(): void; readonly failed: Promise<never> } {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  if (options.json) {
    printResult(describeAsJson(demo));
    return { stop: () => {}, failed };
  }
  printResult(describeDemo(demo, options.to));
  const look = makeLook(demo);
  void look().catch(reject);
  const timer = systemClock.every(LOOK_MS, () => void look().catch(reject));
  return { stop: () => timer.cancel(), failed };
}

/** Brings the live lines up to date, and says once what is new: an alert, a browser that waits. */
function makeLook(demo: Demo): () => Promise<void> {
  const lines = new LiveLines(process.stderr);
  const told = new Set<string>();
  const tellOnce = (text: string): void => {
    if (!told.has(text)) lines.note(text);
    told.add(text);
  };
  return async () => {
    const status = demo.daemon.status();
    for (const { code, title, remedy } of status.alerts) {
      // The demo's certificate is meant to end soon.
      if (code !== 'CERTIFICATE_EXPIRES') tellOnce(`  ! ${title}.\n    ${remedy}`);
    }
    for (const code of await demo.listWaiting()) {
      tellOnce(`  A new browser waits. Is it yours? Then: ${approveCommand(demo, code)}`);
    }
    lines.update(describeConnections(status));
  };
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new PosternError('CLI_USAGE', { reason: `--port ${text}: must be 0 to 65535`, command: 'demo' });
}

function readKind(text: string | undefined): ServiceKind | undefined {
  if (text === undefined || text === 'web' || text === 'openclaw') return text;
  throw new PosternError('CLI_USAGE', { reason: `--kind ${text}: must be web or openclaw`, command: 'demo' });
}

/** What the parts say, on stderr, for whoever looks for a fault. */
function debugLog(inherited: Readonly<Record<string, unknown>>): Log {
  const write =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void =>
      printNote(`${level} ${message} ${JSON.stringify({ ...inherited, ...fields })}`);
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => debugLog({ ...inherited, ...fields }),
  };
}
