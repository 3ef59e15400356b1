import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { EXIT } from '../../core/errors/index.ts';
import { printable } from '../../core/printable.ts';
import { connectToDaemon } from '../../daemon/control/client.ts';
import { readBoundedFile } from '../../platform/files.ts';
import { accountName, homeFolder, makeHomeFolder, userHome } from '../../platform/home-folder.ts';
import { runProcess } from '../../platform/processes.ts';
import { STOP_SECONDS } from '../../provision/render/service-input.ts';
import {
  fragilePaths,
  secretVariables,
  serviceInputOf,
} from '../../provision/resources/home-service-input.ts';
import { findOldTunnels, removeOldTunnel } from '../../provision/resources/home-service-leftover.ts';
import { describeSleep } from '../../provision/resources/home-service-power.ts';
import { surveyHome } from '../../provision/resources/home-service-survey.ts';
import { HomeService, type ServiceState } from '../../provision/resources/home-service.ts';
import { printNote, printResult } from '../output.ts';

interface Options {
  readonly json?: boolean;
  readonly config?: string;
  readonly removeOldTunnel?: boolean;
  readonly lines: number;
}

const LOOK_MS = 100;
const PROGRAM = fileURLToPath(new URL('../../../bin/postern.js', import.meta.url));

/** `postern service`: the daemon as a service of this account. */
export function define(command: Command): void {
  command.addHelpText('after', HELP);
  const add = (name: string, summary: string): Command =>
    command.command(name).description(summary).option('--json', 'one JSON object');
  add('install', 'Start Postern with every login, now too, and again whenever it ends')
    .option('--config <file>', 'the configuration (default: ~/.postern/postern.yaml)')
    .option('--remove-old-tunnel', 'take away the ssh-tunnel agent of an earlier set-up; a copy is kept')
    .action(install);
  add('start', 'Start it').action((options: Options) => act('start', options));
  add('stop', 'End it; running requests get their time').action((options: Options) => act('stop', options));
  add('restart', 'End it and start it again').action((options: Options) => act('restart', options));
  add('status', 'Show what the service manager says, and whether this machine stays awake').action(status);
  command
    .command('logs')
    .description('Show what the service printed (what the daemon wrote down: postern logs)')
    .option('-n, --lines <number>', 'how many of the last lines', readNumber, 100)
    .option('--json', 'one JSON object')
    .action(logs);
  add('uninstall', 'End it and take its file away').action(uninstall);
}

const HELP = `
A LaunchAgent on macOS, a systemd user unit on Linux, a task of the Task
Scheduler on Windows: of this account, without root, and with nothing secret in
its file. To put a changed postern.yaml to work: postern service restart

Examples:
  postern service install
  postern service status
  postern service uninstall

Exit status of status: 1 when it is not installed or does not run.`;

function readNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number above 0.');
  return Number(text);
}

/** The service of this account and home folder. */
function openService(configFile?: string): HomeService {
  const folder = homeFolder(process.env);
  const input = serviceInputOf({
    platform: process.platform,
    node: process.execPath,
    program: PROGRAM,
    root: folder.root,
    usualRoot: join(userHome(), '.postern'),
    account: accountName(process.env),
    ...(configFile === undefined ? {} : { configFile: resolve(configFile) }),
  });
  const uid = process.getuid?.() ?? 0;
  return new HomeService({ platform: process.platform, env: process.env, uid, userHome: userHome(), input });
}

async function install(options: Options): Promise<void> {
  const { path } = await loadConfig({ path: options.config, env: process.env });
  await makeHomeFolder(homeFolder(process.env));
  const service = openService(options.config);
  const copies = options.removeOldTunnel ? await removeOldTunnels() : [];
  const isNew = await service.install();
  const warnings = await warningsOf(path);
  if (options.json) {
    return printResult(JSON.stringify({ file: service.plan.file, changed: isNew, warnings, kept: copies }));
  }
  printNote(isNew ? 'Installed and started.' : 'Installed and running already.');
  printNote(`  ${service.plan.manager}: ${service.plan.file}`);
  for (const copy of copies) printNote(`The old tunnel is gone; its file is kept as ${copy}`);
  for (const warning of warnings) printNote(`Note: ${warning}`);
  printNote('Next: postern service status');
}

/** What may keep the service from being there when it is needed. */
async function warningsOf(configPath: string): Promise<string[]> {
  const { sleep, reboot } = await survey();
  const asleep = describeSleep(sleep);
  return [
    ...fragilePaths(process.execPath, PROGRAM),
    ...(await describeVariables(configPath)),
    ...(await describeOldTunnels()),
    ...(asleep === undefined ? [] : [asleep]),
    ...(reboot.needsLogin === 'no' ? [] : [reboot.sentence]),
  ];
}

const survey = (): ReturnType<typeof surveyHome> =>
  surveyHome({ platform: process.platform, env: process.env, user: accountName(process.env) });

async function describeVariables(configPath: string): Promise<string[]> {
  const found = await readBoundedFile(configPath, { followLink: true });
  const names = found.ok ? secretVariables(found.file.bytes.toString('utf8')) : [];
  return names.map(
    (name) => `postern.yaml says env:${name}, and a service does not see a shell's variables; use file:PATH.`,
  );
}

async function describeOldTunnels(): Promise<string[]> {
  const found = await findOldTunnels(userHome());
  return found.map(
    ({ file }) =>
      `${file} is an ssh tunnel of an earlier set-up; to take it away: postern service install --remove-old-tunnel`,
  );
}

async function removeOldTunnels(): Promise<string[]> {
  const place = {
    keepIn: join(homeFolder(process.env).root, 'kept'),
    uid: process.getuid?.() ?? 0,
    env: process.env,
  };
  const copies: string[] = [];
  for (const old of await findOldTunnels(userHome())) copies.push(await removeOldTunnel(old, place));
  return copies;
}

const DONE = { start: 'Started.', stop: 'Stopped.', restart: 'Restarted.' } as const;

async function act(verb: keyof typeof DONE, { json }: Options): Promise<void> {
  const service = openService();
  if (verb !== 'start' && !json) printNote('Running requests get their time …');
  // The scheduler of Windows ends a program at once; the daemon itself drains before.
  if (verb !== 'start' && process.platform === 'win32') await endDaemon();
  await service[verb]();
  if (json) printResult(JSON.stringify({ done: verb }));
  else printNote(DONE[verb]);
}

async function endDaemon(): Promise<void> {
  const daemon = await connectToDaemon(homeFolder(process.env)).catch(() => undefined);
  if (!daemon) return;
  await daemon.stop(false).catch(() => {});
  for (let waitedMs = 0; waitedMs < STOP_SECONDS * 1000 && (await daemon.isAlive()); waitedMs += LOOK_MS) {
    await pause(LOOK_MS);
  }
}

async function uninstall({ json }: Options): Promise<void> {
  const service = openService();
  const wasThere = await service.uninstall();
  if (json) return printResult(JSON.stringify({ file: service.plan.file, removed: wasThere }));
  printNote(wasThere ? `Ended and taken away: ${service.plan.file}` : 'There was no service of ours.');
}

async function status({ json }: Options): Promise<void> {
  const service = openService();
  const state = await service.look();
  const { path } = await loadConfig({ env: process.env }).catch(() => ({ path: '' }));
  const [{ sleep, reboot }, warnings] = await Promise.all([survey(), warningsOf(path)]);
  const isInstalled = state.text !== null;
  if (!isInstalled || !state.manager.isRunning) process.exitCode = EXIT.failed;
  if (json) {
    const { isCurrent, manager } = state;
    const told = { manager: service.plan.manager, name: service.plan.name, file: service.plan.file };
    return printResult(
      JSON.stringify({ ...told, isInstalled, isCurrent, ...manager, sleep, reboot, warnings }),
    );
  }
  for (const line of describeState(service, state)) printResult(line);
  if (reboot.needsLogin === 'no') printResult(reboot.sentence);
  for (const warning of warnings) printResult(`Note: ${printable(warning, 500)}`);
}

function describeState(service: HomeService, { text, isCurrent, manager }: ServiceState): string[] {
  if (text === null) return ['Not installed: postern service install'];
  const running = manager.isRunning ? 'running' : 'not running: postern service start';
  const process = manager.pid === undefined ? '' : ` (process ${manager.pid})`;
  const ended = manager.isRunning || !manager.lastExit ? [] : [`It ended with status ${manager.lastExit}.`];
  return [
    `${service.plan.name} of ${service.plan.manager}: ${running}${process}`,
    `  ${service.plan.file}`,
    ...(isCurrent ? [] : ['  Postern or its paths have changed since: postern service install']),
    ...(manager.startsByItself ? [] : ['  It does not start by itself: postern service install']),
    ...ended,
  ];
}

async function logs({ json, lines }: Options): Promise<void> {
  const service = openService();
  const text =
    service.plan.manager === 'systemd'
      ? await readJournal(service.plan.name, lines)
      : await readLast(join(homeFolder(process.env).log, 'service.log'), lines);
  if (json) printResult(JSON.stringify({ lines: text }));
  else if (text.length === 0) printNote('Nothing has been printed yet.');
  else for (const line of text) printResult(printable(line, 2000));
}

async function readJournal(unit: string, lines: number): Promise<string[]> {
  const args = ['--user', '--user-unit', unit, '--no-pager', '--output=short-iso', '--quiet', '-n'];
  const { stdout } = await runProcess('journalctl', [...args, String(lines)], { env: process.env });
  return stdout.split('\n').filter((line) => line !== '');
}

async function readLast(path: string, lines: number): Promise<string[]> {
  const found = await readBoundedFile(path, { maxBytes: 64 * 1024 * 1024 });
  return found.ok ? found.file.bytes.toString('utf8').trimEnd().split('\n').slice(-lines) : [];
}
