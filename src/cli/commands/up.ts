import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { EXIT, PosternError } from '../../core/errors/index.ts';
import { printable } from '../../core/printable.ts';
import type { DaemonStatus, Incident } from '../../daemon/contract.ts';
import type { Daemon } from '../../daemon/lifecycle.ts';
import type { DaemonLog } from '../../daemon/log.ts';
import type { ConnectionStatus } from '../../link/contract.ts';
import { systemClock } from '../../platform/clock.ts';
import { homeFolder, makeHomeFolder } from '../../platform/home-folder.ts';
import { VERSION } from '../../platform/version.ts';
import { letYoungHeapGrow } from '../../platform/young-heap.ts';
import { type LiveLine, LiveLines } from '../live-lines.ts';
import { goOnWhenNobodyReads, printError, printNote, printResult } from '../output.ts';
import { type Paint, paintFor } from '../paint.ts';
import { paintState } from '../render-status.ts';

interface Options {
  readonly config?: string;
  readonly verbose?: boolean;
}

/** `postern up`: the daemon, in the foreground. */
export function define(command: Command): void {
  command
    .option('--config <file>', 'the configuration (default: ~/.postern/postern.yaml)')
    .option('--verbose', 'write more into the log')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
It publishes what the configuration says and stays in the foreground. Ctrl-C
gives running requests their time (limits.drainMs, 30 s) and ends; a second
Ctrl-C ends at once. Is a daemon running already, this one takes over from it
and loses no request: that is how to restart, and how a changed configuration
is put to work.

Examples:
  postern up
  postern up --config ~/test/postern.yaml

Then, in another terminal: postern status, postern devices approve CODE,
postern logs -f.`;

async function run(options: Options): Promise<void> {
  goOnWhenNobodyReads();
  const ending = new Ending();
  const { config, path } = await loadConfig({ path: options.config, env: process.env });
  const [{ startDaemon }, { realParts }, { openDaemonLog }] = await Promise.all([
    import('../../daemon/lifecycle.ts'),
    import('../../daemon/real-parts.ts'),
    import('../../daemon/log.ts'),
  ]);
  adviseAgainstRoot();
  const folder = homeFolder(process.env);
  await makeHomeFolder(folder);
  const log = openDaemonLog(folder.log, systemClock, options.verbose ? 'debug' : 'info');
  dieTidily(log);
  try {
    const daemon = await startDaemon({
      config,
      configPath: path,
      folder,
      env: process.env,
      clock: systemClock,
      log,
      parts: realParts,
      version: VERSION,
      signal: ending.duringStart,
    });
    letYoungHeapGrow();
    await accompany(daemon, ending);
  } catch (error) {
    log.error({ error }, 'the daemon did not start');
    throw error;
  } finally {
    log.close();
  }
}

/** Shows the daemon's life until it ends. */
async function accompany(daemon: Daemon, ending: Ending): Promise<void> {
  const lines = new LiveLines(process.stderr);
  const told = new Set<string>();
  const paint = paintFor(process.stderr, process.env);
  for (const line of describeServices(daemon.status())) printResult(line);
  const show = (): void => {
    const status = daemon.status();
    tellAlerts(status.alerts, told, (text) => lines.note(text), paint);
    lines.update(status.connections.map((connection) => describeConnection(connection, paint)));
  };
  const silence = daemon.onChange(show);
  const refresh = systemClock.every(1000, show);
  ending.applyTo(daemon, (text) => lines.note(text));
  show();
  await daemon.ended;
  silence();
  refresh.cancel();
  lines.note('Ended.');
}

function describeServices(status: DaemonStatus): string[] {
  return status.services.map(({ url, target, access }) => {
    const warning =
      access === 'none' ? `  ${paintFor(process.stdout, process.env).red('(no sign-in!)')}` : '';
    return `${url} -> ${printable(target)}${warning}`;
  });
}

function describeConnection(
  { slot, state, roundTripMs, lastError }: ConnectionStatus,
  paint: Paint,
): LiveLine {
  const roundTrip = state !== 'up' || roundTripMs === undefined ? '' : `  ${roundTripMs.toFixed(1)} ms`;
  const why = state === 'up' || !lastError ? '' : `  ${lastError.code}: ${printable(lastError.text, 100)}`;
  return {
    key: String(slot),
    live: `connection ${slot}: ${paintState(state, paint)}${roundTrip}${why}`,
    plain: `connection ${slot}: ${state}${why}`,
  };
}

/** Each incident is told once when it starts, and once when it is over. */
function tellAlerts(
  alerts: readonly Incident[],
  told: Set<string>,
  tell: (text: string) => void,
  paint: Paint,
): void {
  const present = new Set(alerts.map(({ code, subject }) => `${code} ${subject}`.trim()));
  for (const { code, subject, title, remedy } of alerts) {
    const key = `${code} ${subject}`.trim();
    if (!told.has(key)) tell(`${paint.red(key)}: ${printable(title, 500)}.\n  ${printable(remedy, 500)}`);
    told.add(key);
  }
  for (const key of told) {
    if (present.has(key)) continue;
    told.delete(key);
    tell(`${paint.green(key)}: over`);
  }
}

/** What Ctrl-C and the like mean: while it starts, give up; then drain; the second time the end at once. */
class Ending {
  readonly #start = new AbortController();
  #daemon: Daemon | undefined;
  #tell: (text: string) => void = printNote;
  #asked = 0;

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#ask());
  }

  get duringStart(): AbortSignal {
    return this.#start.signal;
  }

  applyTo(daemon: Daemon, tell: (text: string) => void): void {
    this.#daemon = daemon;
    this.#tell = tell;
    if (this.#asked > 0) void daemon.stop();
  }

  #ask(): void {
    this.#asked++;
    if (this.#asked > 2) process.exit(EXIT.failed);
    if (!this.#daemon) return this.#start.abort(new PosternError('DAEMON_START_ENDED'));
    if (this.#asked === 2) return void this.#daemon.stop();
    this.#tell('Ending; running requests get their time. Ctrl-C again ends at once.');
    void this.#daemon.drain();
  }
}

function adviseAgainstRoot(): void {
  if (process.getuid?.() === 0) printNote('Postern needs no root; an account of its own is safer.');
}

/** An error that nobody caught leaves a line in the log; going on in an unknown state would be worse than a restart. */
function dieTidily(log: DaemonLog): void {
  const die = (error: unknown): void => {
    log.error({ error }, 'an error that nobody caught');
    log.close();
    process.exit(printError(error, false));
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
