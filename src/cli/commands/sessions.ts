import type { Command } from 'commander';
import { systemClock } from '../../platform/clock.ts';
import { PosternError } from '../../core/errors/index.ts';
import { withAuthAdmin } from '../auth-admin.ts';
import { printNote, printResult } from '../output.ts';
import { formatAgo, formatSpan, formatTable } from '../text-layout.ts';

interface Options {
  readonly json?: boolean;
  readonly all?: boolean;
}

/** `postern sessions`: who is signed in. */
export function define(command: Command): void {
  command
    .command('list')
    .description('Show who is signed in, where and until when')
    .option('--json', 'one JSON object')
    .action(list);
  command
    .command('revoke')
    .description('End one session, or all of them; live connections close within a second')
    .argument('[id]', 'of "postern sessions list"')
    .option('--all', 'end every session')
    .option('--json', 'one JSON object')
    .action(revoke);
}

async function list(options: Options): Promise<void> {
  const sessions = await withAuthAdmin((admin) => admin.listSessions());
  if (options.json) return printResult(JSON.stringify({ sessions }));
  if (sessions.length === 0) return printNote('Nobody is signed in.');
  const nowMs = systemClock.nowMs();
  const rows = sessions.map((session) => [
    session.id,
    session.userName,
    session.service,
    session.deviceName,
    session.address,
    formatAgo(session.lastSeenAtMs, nowMs),
    `in ${formatSpan(session.expiresAtMs - nowMs)}`,
  ]);
  printResult(formatTable(['ID', 'USER', 'SERVICE', 'DEVICE', 'ADDRESS', 'SEEN', 'ENDS'], rows));
}

async function revoke(id: string | undefined, options: Options): Promise<void> {
  if ((id === undefined) === (options.all !== true)) {
    throw new PosternError('CLI_USAGE', {
      reason: 'Name one session, or all of them with --all',
      command: 'sessions revoke',
    });
  }
  if (id !== undefined) {
    const session = await withAuthAdmin((admin) => admin.revokeSession({ id }));
    if (options.json) printResult(JSON.stringify({ session }));
    else printNote(`The session of ${session.userName} on ${session.deviceName} has ended.`);
    return;
  }
  const result = await withAuthAdmin((admin) => admin.revokeAllSessions());
  if (options.json) printResult(JSON.stringify(result));
  else printNote(`${result.endedSessions} sessions have ended. Devices stay paired and their tokens good.`);
}
