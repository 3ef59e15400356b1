import type { Command } from 'commander';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { PosternError, isPosternError } from '../../core/errors/index.ts';
import { nearest } from '../../core/nearest.ts';
import { printable } from '../../core/printable.ts';
import { relayAddressOf } from '../../daemon/compose.ts';
import { type ControlClient, connectToDaemon } from '../../daemon/control/client.ts';
import { writeRelayLook } from '../../daemon/relay-look.ts';
import { classifyEnd } from '../../link/classify.ts';
import { systemClock } from '../../platform/clock.ts';
import { type HomeFolder, homeFolder } from '../../platform/home-folder.ts';
import type { Shell } from '../../provision/remote/shell.ts';
import { openSshShell } from '../../provision/remote/ssh-shell.ts';
import type { Verification } from '../../verify/contract.ts';
import { codesWith, verify, wasRelaySeen } from '../../verify/run.ts';
import { LiveLines } from '../live-lines.ts';
import { printError, printResult } from '../output.ts';
import { paintFor } from '../paint.ts';
import { renderVerification } from '../render-verify.ts';
import { surroundingsOf } from '../verify-surroundings.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly relayRoot?: boolean;
  readonly sshConfig?: string;
}

/** `postern verify`: every wrong door is tried. */
export function define(command: Command): void {
  command
    .argument('[name]', 'one service (default: all)')
    .option('--json', 'one JSON object, with each request and answer')
    .option('--relay-root', 'look at the relay from inside too, as relay.user')
    .option('--ssh-config <file>', 'for the login as relay.user, instead of ~/.ssh/config')
    .option('--config <file>', 'the configuration (default: ~/.postern/postern.yaml)')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
It tries every wrong door that is known: as a visitor (no session, forged
addresses, other names, plain HTTP, old TLS), on this machine, and with
--relay-root on the relay. Each has to be shut. At the end: the six layers of
each service, on or off, with the evidence. A service whose login does not hold
is shut at once by the running daemon, which opens it again when it does.

Examples:
  postern verify
  postern verify chat.example.com
  postern verify --relay-root
  postern verify --json | jq '.checks[] | select(.outcome == "open")'

Exit status: 0 every door is shut, 1 one is open, 69 it could not look.`;

async function run(name: string | undefined, options: Options): Promise<void> {
  const loaded = await loadConfig({ path: options.config, env: process.env });
  const names = name === undefined ? undefined : [knownName(loaded.config, name)];
  const folder = homeFolder(process.env);
  const daemon = await connectToDaemon(folder).catch(refuseUnlessAbsent);
  const relay = options.relayRoot ? relayOf(loaded.config, folder, options) : undefined;
  try {
    const verification = await look(loaded, { folder, daemon, relay, names, asJson: options.json === true });
    if (relay && wasRelaySeen(verification.checks)) await writeRelayLook(folder, verification.atMs);
    process.exitCode = tell(verification, options.json === true);
  } finally {
    await relay?.close();
  }
}

function knownName(config: Config, name: string): string {
  const names = config.services.map((service) => service.name);
  if (names.includes(name.toLowerCase())) return name.toLowerCase();
  const meant = nearest(name, names);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new PosternError('VERIFY_UNKNOWN_SERVICE', { name: printable(name, 80), hint });
}

function refuseUnlessAbsent(error: unknown): undefined {
  if (isPosternError(error) && error.code === 'DAEMON_NOT_RUNNING') return undefined;
  throw error;
}

interface RelayLogin {
  readonly run: (text: string, args: readonly string[]) => Promise<{ status: number; stdout: string }>;
  close(): Promise<void>;
}

/** One login for all scripts, made by the first that needs it. */
function relayOf(config: Config, folder: HomeFolder, { sshConfig }: Options): RelayLogin {
  const { host, port, user } = config.relay;
  if (user === undefined) throw new PosternError('VERIFY_NO_RELAY_USER');
  let opened: Promise<Shell> | undefined;
  const open = async (): Promise<Shell> => {
    const { knownHostsFile } = await relayAddressOf(config, folder);
    const mayAsk = process.stdin.isTTY && process.stderr.isTTY;
    return openSshShell({
      address: { host, port, user, knownHostsFile, sshConfigFile: sshConfig, mayAsk },
      clock: systemClock,
      explainSsh: (end) => {
        const { code, line } = classifyEnd(end);
        return new PosternError(code, { line });
      },
    });
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    run: (text, args) => {
      // A shell runs one script at a time.
      const result = last.then(async () => (await (opened ??= open())).run({ name: 'verify', text }, args));
      last = result.catch(() => {});
      return result;
    },
    close: async () => {
      const shell = await opened?.catch(() => undefined);
      await shell?.close();
    },
  };
}

interface LookOptions {
  readonly folder: HomeFolder;
  readonly daemon: ControlClient | undefined;
  readonly relay: RelayLogin | undefined;
  readonly names: readonly string[] | undefined;
  readonly asJson: boolean;
}

async function look(
  { config, path }: LoadedConfig,
  { folder, daemon, relay, names, asJson }: LookOptions,
): Promise<Verification> {
  const progress = asJson ? undefined : new Progress();
  try {
    const surroundings = await surroundingsOf({
      config,
      configPath: path,
      folder,
      env: process.env,
      daemon,
      relayShell: relay?.run,
    });
    const onResult = (_: unknown, done: number, total: number): void => progress?.set(done, total);
    return await verify({ surroundings, onResult, ...(names ? { names } : {}) });
  } finally {
    progress?.end();
  }
}

/** A line about how far it is, from the first second on. */
class Progress {
  readonly #lines = new LiveLines(process.stderr);
  readonly #timer = systemClock.every(1000, () => this.#show());
  #text = 'looking';

  set(done: number, total: number): void {
    this.#text = `looking: ${done} of ${total}`;
  }

  end(): void {
    this.#timer.cancel();
    this.#lines.update([]);
  }

  #show(): void {
    this.#lines.update([{ key: 'progress', live: this.#text, plain: this.#text }]);
  }
}

/** @returns the exit status */
function tell(verification: Verification, asJson: boolean): number {
  const error = errorOf(verification);
  if (asJson) {
    printResult(JSON.stringify({ ...verification, ...(error ? { error } : {}) }));
    return error?.exit ?? 0;
  }
  const view = {
    paint: paintFor(process.stdout, process.env),
    width: Math.min(process.stdout.columns ?? 80, 100),
    nowMs: systemClock.nowMs(),
  };
  printResult(renderVerification(verification, view));
  if (error) return printError(error, false);
  printResult('\nEvery door that was tried is shut.');
  return 0;
}

function errorOf(verification: Verification): PosternError | undefined {
  const open = codesWith(verification, 'open');
  if (open.length > 0)
    return new PosternError('VERIFY_DOOR_OPEN', { count: open.length, codes: open.join(', ') });
  const unknown = codesWith(verification, 'unknown');
  return unknown.length === 0
    ? undefined
    : new PosternError('VERIFY_COULD_NOT_LOOK', { codes: unknown.join(', ') });
}
