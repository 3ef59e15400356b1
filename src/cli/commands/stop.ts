import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { connectToDaemon } from '../../daemon/control/client.ts';
import { homeFolder } from '../../platform/home-folder.ts';
import { printNote, printResult } from '../output.ts';

interface Options {
  readonly now?: boolean;
  readonly json?: boolean;
}

const LOOK_MS = 100;

/** `postern stop`: ends the daemon and waits until it is gone. */
export function define(command: Command): void {
  command
    .option('--now', 'cut what is running, instead of giving it its time (limits.drainMs, 30 s)')
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
Examples:
  postern stop
  postern stop --now

Exit status 69: the daemon is not running.`;

async function run({ now = false, json = false }: Options): Promise<void> {
  const daemon = await connectToDaemon(homeFolder(process.env));
  await daemon.stop(now);
  if (!json) printNote(now ? 'Stopping …' : 'Stopping; running requests get their time …');
  while (await daemon.isAlive()) await pause(LOOK_MS);
  if (json) printResult(JSON.stringify({ stopped: daemon.pid }));
  else printNote('Stopped.');
}
