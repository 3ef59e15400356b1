import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { type ControlClient, connectToDaemon } from '../../daemon/control/client.ts';
import { systemClock } from '../../platform/clock.ts';
import { homeFolder } from '../../platform/home-folder.ts';
import { printError, printResult } from '../output.ts';
import { paintFor } from '../paint.ts';
import { renderStatus } from '../render-status.ts';

interface Options {
  readonly json?: boolean;
  readonly watch?: boolean;
}

const WATCH_MS = 1000;

/** `postern status`: what the running daemon says of itself. */
export function define(command: Command): void {
  command
    .option('--json', 'one JSON object')
    .option('-w, --watch', 'again every second, until Ctrl-C')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
It asks the running daemon: every connection to the relay, every service with
what the relay can see of it, the last request of our own through its public
name, and what is broken, since when, and what to do.

Examples:
  postern status
  postern status --watch
  postern status --json | jq '.services[] | select(.isReachable | not)'

Exit status 69: the daemon is not running.`;

async function run({ json = false, watch = false }: Options): Promise<void> {
  const folder = homeFolder(process.env);
  if (!watch) return show(await connectToDaemon(folder), json);
  for (;;) {
    // A restart changes the address, so each look finds the daemon anew.
    const shown = await connectToDaemon(folder)
      .then((daemon) => read(daemon, json))
      .catch((error: unknown) => error);
    if (process.stdout.isTTY && !json) process.stdout.write(CLEAR);
    if (typeof shown === 'string') printResult(shown);
    else printError(shown, json);
    await pause(WATCH_MS);
  }
}

/** Home, and everything below is cleared. */
const CLEAR = '\u001b[H\u001b[2J';

async function show(daemon: ControlClient, json: boolean): Promise<void> {
  printResult(await read(daemon, json));
}

async function read(daemon: ControlClient, json: boolean): Promise<string> {
  const status = await daemon.status();
  if (json) return JSON.stringify(status);
  return renderStatus(status, {
    paint: paintFor(process.stdout, process.env),
    width: Math.min(process.stdout.columns ?? 80, 120),
    nowMs: systemClock.nowMs(),
  });
}
