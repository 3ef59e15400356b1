import type { Command } from 'commander';
import type { PasswordResult } from '../../edge/auth/admin.ts';
import { askNewPassword } from '../ask.ts';
import { withAuthAdmin } from '../auth-admin.ts';
import { printNote, printResult } from '../output.ts';
import { formatAgo, formatTable } from '../text-layout.ts';

interface Options {
  readonly json?: boolean;
  readonly passwordStdin?: boolean;
}

/** `postern users`: who may sign in. */
export function define(command: Command): void {
  command
    .command('add')
    .description('Add a user; the password is asked for, or made when it is left empty')
    .argument('<name>')
    .option('--password-stdin', 'read the password from the first line of standard input')
    .option('--json', 'one JSON object')
    .action(add);
  command
    .command('passwd')
    .description("Change a user's password and end their sessions")
    .argument('<name>')
    .option('--password-stdin', 'read the password from the first line of standard input')
    .option('--json', 'one JSON object')
    .action(changePassword);
  command
    .command('remove')
    .description('Remove a user, their sessions and their tokens')
    .argument('<name>')
    .option('--json', 'one JSON object')
    .action(remove);
  command.command('list').description('Show the users').option('--json', 'one JSON object').action(list);
}

async function add(name: string, options: Options): Promise<void> {
  const password = await askNewPassword(options.passwordStdin === true);
  const result = await withAuthAdmin((admin) => admin.addUser({ name, password }));
  if (!options.json) printNote(`${result.name} may sign in now.`);
  showPassword(result, options);
}

async function changePassword(name: string, options: Options): Promise<void> {
  const password = await askNewPassword(options.passwordStdin === true);
  const result = await withAuthAdmin((admin) => admin.setPassword({ name, password }));
  if (!options.json) {
    printNote(`${result.name} has a new password; ${result.endedSessions} sessions ended.`);
    printNote('Tokens of devices stay: postern devices list');
  }
  showPassword(result, options);
}

/** A made password is the only result that is printed: once, here, and kept nowhere. */
function showPassword(result: PasswordResult, options: Options): void {
  if (options.json) return printResult(JSON.stringify(result));
  if (result.generatedPassword === undefined) return;
  printNote('This password is shown once:');
  printResult(result.generatedPassword);
}

async function remove(name: string, options: Options): Promise<void> {
  const result = await withAuthAdmin((admin) => admin.removeUser({ name }));
  if (options.json) printResult(JSON.stringify(result));
  else printNote(`${name} is removed; ${result.endedSessions} sessions ended.`);
}

async function list(options: Options): Promise<void> {
  const users = await withAuthAdmin((admin) => admin.listUsers());
  if (options.json) return printResult(JSON.stringify({ users }));
  if (users.length === 0) return printNote('There is no user yet: postern users add NAME');
  const rows = users.map((user) => [user.name, String(user.sessions), formatAgo(user.createdAtMs)]);
  printResult(formatTable(['NAME', 'SESSIONS', 'ADDED'], rows));
}
