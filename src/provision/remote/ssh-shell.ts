import type { Clock } from '../../core/clock.ts';
import { PosternError } from '../../core/errors/index.ts';
import { type ProcessEnd, runProcess } from '../../platform/processes.ts';
import { openProcessShell } from './process-shell.ts';
import type { Shell } from './shell.ts';

/** The operator's way in: their own account, agent and ssh configuration, and the host key that Postern has pinned. */
export interface OperatorAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Absolute path; the key in it is compared on every connection. */
  readonly knownHostsFile: string;
  /** Instead of ~/.ssh/config. */
  readonly sshConfigFile?: string | undefined;
  /** ssh may ask at the terminal, for a passphrase or a touch. */
  readonly mayAsk: boolean;
}

/** What ssh's own words mean: the link's catalogue, handed in by whoever knows it. */
export type ExplainSsh = (end: ProcessEnd & { readonly stderr: string }) => PosternError;

export interface SshShellOptions {
  readonly address: OperatorAddress;
  readonly clock: Clock;
  readonly explainSsh: ExplainSsh;
}

const OPEN_TIMEOUT_MS = 30_000;
/** A person needs longer. */
const ASKING_TIMEOUT_MS = 180_000;

/** A new login as root, or as an account that becomes root by `sudo -n`. @throws PROVISION_NOT_ROOT and the link's errors */
export async function openSshShell(options: SshShellOptions): Promise<Shell> {
  const { address, clock, explainSsh } = options;
  const isRoot = address.user === 'root';
  const opened = await openProcessShell({
    command: ['ssh', ...operatorArguments(address, isRoot ? 'exec sh -s' : 'exec sudo -n sh -s')],
    clock,
    openTimeoutMs: address.mayAsk ? ASKING_TIMEOUT_MS : OPEN_TIMEOUT_MS,
    explainEnd: (end, stderr) =>
      /\bsudo: /.test(stderr) ? notRoot(address) : explainSsh({ ...end, stderr }),
  });
  if (opened.userId === 0) return opened.shell;
  await opened.shell.close();
  throw notRoot(address);
}

function notRoot({ user, host }: OperatorAddress): PosternError {
  return new PosternError('PROVISION_NOT_ROOT', { user, host });
}

/**
 * The user's own configuration is read: it may hold a ProxyJump, a hardware key, an agent. What would let two
 * connections be one, forward something, or trust another host key than the pinned one, is switched off before it.
 */
export function operatorArguments(address: OperatorAddress, command: string): string[] {
  const options = [
    `BatchMode=${address.mayAsk ? 'no' : 'yes'}`,
    'ControlMaster=no',
    'ControlPath=none',
    'ClearAllForwardings=yes',
    'ForwardAgent=no',
    'ForwardX11=no',
    'PermitLocalCommand=no',
    'RemoteCommand=none',
    'RequestTTY=no',
    'EscapeChar=none',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${quoted(address.knownHostsFile)}`,
    'GlobalKnownHostsFile=none',
    'UpdateHostKeys=no',
    'CheckHostIP=no',
    'ConnectTimeout=10',
    'ServerAliveInterval=5',
    'ServerAliveCountMax=6',
  ];
  return [
    ...(address.sshConfigFile === undefined ? [] : ['-F', checked(address.sshConfigFile, /^\//)]),
    '-T',
    ...options.flatMap((option) => ['-o', option]),
    '-p',
    String(Math.trunc(address.port)),
    '-l',
    checked(address.user, /^[A-Za-z_][A-Za-z0-9_.@-]{0,63}$/),
    '--',
    checked(address.host, /^[A-Za-z0-9_][A-Za-z0-9._:%-]{0,254}$/),
    command,
  ];
}

/**
 * The link's own key, account and forced command, tried once: the session script refuses what is no `link N`.
 * @param sshArguments the link's own arguments, with a command that the script has to refuse
 */
export async function proveSessionRefusal(
  sshArguments: readonly string[],
  explainSsh: ExplainSsh,
): Promise<void> {
  const end = await runProcess('ssh', sshArguments, { timeoutMs: 20_000, maxOutputBytes: 65_536 });
  if (end.status === 64 && /^postern: refused$/m.test(end.stderr)) return;
  throw explainSsh(end);
}

function quoted(path: string): string {
  return `"${checked(path, /^(\/|[A-Za-z]:[\\/])[^\p{Cc}"\\$]*$/u).replaceAll('%', '%%')}"`;
}

function checked(value: string, pattern: RegExp): string {
  if (pattern.test(value)) return value;
  throw new PosternError('SSH_ARGUMENT_REFUSED', { line: JSON.stringify(value.slice(0, 80)) });
}
