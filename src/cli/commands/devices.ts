import type { Command } from 'commander';
import { systemClock } from '../../platform/clock.ts';
import { PosternError } from '../../core/errors/index.ts';
import type { DeviceView, PairingRequestView } from '../../edge/auth/admin.ts';
import { showCode, showComparison } from '../../edge/auth/secrets.ts';
import { askYes } from '../ask.ts';
import { withAuthAdmin } from '../auth-admin.ts';
import { printNote, printResult } from '../output.ts';
import { formatAgo, formatSpan, formatTable } from '../text-layout.ts';

interface Options {
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** `postern devices`: which browsers may try a password, and the tokens of programs. */
export function define(command: Command): void {
  const add = (name: string, argument: string, description: string): Command =>
    command
      .command(`${name} ${argument}`.trim())
      .description(description)
      .option('--json', 'one JSON object');
  add('list', '', 'Show the paired devices and those that wait').action(list);
  add('approve', '<code>', 'Let in the device that shows this code')
    .option('--yes', 'do not ask')
    .action(approve);
  add('reject', '<code>', 'Turn away the device that shows this code').action(reject);
  add('rename', '<id> <name>', 'Give a device another name').action(rename);
  add('revoke', '<id>', "End a device's cookie, sessions, tokens and live connections").action(revoke);
  add('token', '<id>', 'Make a bearer token for programs on a device; it is shown once').action(makeToken);
}

async function list(options: Options): Promise<void> {
  const { devices, waiting } = await withAuthAdmin(async (admin) => ({
    devices: await admin.listDevices(),
    waiting: await admin.listRequests(),
  }));
  if (options.json) return printResult(JSON.stringify({ devices, waiting }));
  if (devices.length > 0) printResult(formatDevices(devices));
  else printNote('No device is paired yet.');
  if (waiting.length > 0) printResult(`\nWaiting for approval:\n${formatWaiting(waiting)}`);
}

function formatDevices(devices: readonly DeviceView[]): string {
  const rows = devices.map((device) => [
    device.id,
    device.name,
    device.host,
    device.userName ?? '-',
    device.address,
    formatAgo(device.lastSeenAtMs),
    String(device.sessions),
    String(device.tokens),
  ]);
  return formatTable(['ID', 'NAME', 'HOST', 'USER', 'ADDRESS', 'SEEN', 'SESSIONS', 'TOKENS'], rows);
}

function formatWaiting(waiting: readonly PairingRequestView[]): string {
  const rows = waiting.map((request) => [
    showCode(request.code),
    showComparison(request.comparison),
    request.browser,
    request.address,
    formatAgo(request.createdAtMs),
  ]);
  return formatTable(['CODE', 'CHECK NUMBER', 'BROWSER', 'ADDRESS', 'SINCE'], rows);
}

/** What is approved is what was looked at: the check number goes along with the code. */
async function approve(code: string, options: Options): Promise<void> {
  const device = await withAuthAdmin(async (admin) => {
    const request = await admin.findRequest({ code });
    printNote(describeRequest(request));
    const isWanted = options.yes === true || (await askYes('Does the device show this check number?'));
    if (!isWanted) throw new PosternError('AUTH_NOT_CONFIRMED');
    return admin.approveRequest({ code, comparison: request.comparison });
  });
  if (options.json) printResult(JSON.stringify({ device }));
  else printNote(`${device.name} (${device.id}) is paired. It asks for the password now.`);
}

function describeRequest(request: PairingRequestView): string {
  const nowMs = systemClock.nowMs();
  return [
    `  check number  ${showComparison(request.comparison)}   (must be on the screen of the new device)`,
    `  browser       ${request.browser}`,
    `  address       ${request.address}   (as the relay claims it)`,
    `  for           ${request.host}`,
    `  asked         ${formatAgo(request.createdAtMs, nowMs)}, good for another ${formatSpan(request.expiresAtMs - nowMs)}`,
  ].join('\n');
}

async function reject(code: string, options: Options): Promise<void> {
  const request = await withAuthAdmin((admin) => admin.rejectRequest({ code }));
  if (options.json) printResult(JSON.stringify({ request }));
  else printNote(`${request.browser} at ${request.address} was turned away.`);
}

async function rename(id: string, name: string, options: Options): Promise<void> {
  const device = await withAuthAdmin((admin) => admin.renameDevice({ id, name }));
  if (options.json) printResult(JSON.stringify({ device }));
  else printNote(`${device.id} is called ${device.name} now.`);
}

async function revoke(id: string, options: Options): Promise<void> {
  const result = await withAuthAdmin((admin) => admin.revokeDevice({ id }));
  if (options.json) return printResult(JSON.stringify(result));
  const { device, endedSessions, endedTokens } = result;
  printNote(
    `${device.name} is out: its cookie, ${endedSessions} sessions and ${endedTokens} tokens are void.`,
  );
  printNote('Its live connections close within a second.');
  printNote(
    `An assistant gateway behind ${device.host} may have given this device tokens of its own, which Postern cannot end.
For OpenClaw: openclaw devices list, then openclaw devices revoke for every entry of that browser.`,
  );
}

async function makeToken(id: string, options: Options): Promise<void> {
  const { token, device } = await withAuthAdmin((admin) => admin.makeToken({ id }));
  if (options.json) return printResult(JSON.stringify({ token, device }));
  printNote(`A token for ${device.name}, shown once. Programs send it as: Authorization: Bearer TOKEN`);
  printResult(token);
}
