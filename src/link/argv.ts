import { PosternError } from '../core/errors/index.ts';
import type { Forward, RelayAddress } from './contract.ts';

export interface SshArguments {
  readonly relay: RelayAddress;
  readonly forwards: readonly Forward[];
  /** What the relay is asked to run: one argument, read by the account's shell there. */
  readonly remoteCommand: string;
  /** The processor has AES instructions (platform/cpu.ts). */
  readonly hasAes: boolean;
}

/** With AES instructions gcm moves twice as much as chacha20, without them it is the other way round. */
const AES_CIPHERS = 'aes128-gcm@openssh.com,aes256-gcm@openssh.com';
const CHACHA_CIPHER = 'chacha20-poly1305@openssh.com';
const OTHER_CIPHERS = 'aes128-ctr,aes256-ctr';

/** Seconds for TCP connect and the server's first line; the link's own limit for the whole login is over that. */
const CONNECT_TIMEOUT_SECONDS = 3;

/**
 * Settings that are the same for every connection. The user's own configuration is not read (`-F none`):
 * a `LocalForward`, a `ControlMaster` or a `Match exec` of theirs has no business in the link.
 */
const FIXED_OPTIONS: readonly string[] = [
  'BatchMode=yes',
  'ExitOnForwardFailure=yes',
  `ConnectTimeout=${CONNECT_TIMEOUT_SECONDS}`,
  'ConnectionAttempts=1',
  // Liveness is the link's heartbeat; this is for an ssh that has lost both its parent and its network.
  'ServerAliveInterval=5',
  'ServerAliveCountMax=3',
  'TCPKeepAlive=no',
  'Compression=no',
  'IPQoS=none',
  'ControlMaster=no',
  'ControlPath=none',
  'StrictHostKeyChecking=yes',
  'GlobalKnownHostsFile=none',
  'UpdateHostKeys=no',
  'CheckHostIP=no',
  'PreferredAuthentications=publickey',
  'PasswordAuthentication=no',
  'KbdInteractiveAuthentication=no',
  'ForwardAgent=no',
  'ForwardX11=no',
  'PermitLocalCommand=no',
  'EscapeChar=none',
  'LogLevel=INFO',
];

/**
 * The arguments of one connection's ssh, after the program's name. Pure. No secret is among them.
 * @throws PosternError SSH_ARGUMENT_REFUSED when a value could be read as an option or as something else than it is
 */
export function sshArguments({ relay, forwards, remoteCommand, hasAes }: SshArguments): string[] {
  const options = [
    ...FIXED_OPTIONS,
    `Ciphers=${hasAes ? `${AES_CIPHERS},${CHACHA_CIPHER}` : `${CHACHA_CIPHER},${AES_CIPHERS}`},${OTHER_CIPHERS}`,
    `UserKnownHostsFile=${quotedPath('known hosts file', relay.knownHostsFile)}`,
    ...(relay.identityFile === undefined
      ? []
      : ['IdentitiesOnly=yes', `IdentityFile=${quotedPath('identity file', relay.identityFile)}`]),
  ];
  return [
    '-F',
    'none',
    '-T',
    ...options.flatMap((option) => ['-o', option]),
    ...forwards.flatMap((forward) => ['-R', `${endOf(forward.remote)}:${endOf(forward.local)}`]),
    '-p',
    String(checkedPort(relay.port)),
    '-l',
    checked('account', relay.account, /^[A-Za-z_][A-Za-z0-9_.@-]{0,63}$/),
    '--',
    checked('host', relay.host, /^[A-Za-z0-9_][A-Za-z0-9._:%-]{0,254}$/),
    checked('remote command', remoteCommand, /^[^\0-][^\0]*$/),
  ];
}

type ForwardEnd = Forward['remote'];

function endOf(end: ForwardEnd): string {
  // ssh expands % and $ in these paths, splits them at colons, and reads \ as an escape.
  if ('path' in end) return checked('socket path', end.path, /^\/[^\p{Cc}:%$\\"'[\]]*$/u);
  const host = checked('forward host', end.host, /^([A-Za-z0-9][A-Za-z0-9._-]{0,254}|[0-9A-Fa-f:.]{2,45})$/);
  return `${host.includes(':') ? `[${host}]` : host}:${checkedPort(end.port)}`;
}

/** ssh splits option values at spaces, and expands ~, % and ${} in file names. */
function quotedPath(what: string, path: string): string {
  const slashed = /^[A-Za-z]:\\/.test(path) ? path.replaceAll('\\', '/') : path;
  return `"${checked(what, slashed, /^(\/|[A-Za-z]:\/)[^\p{Cc}"\\$]*$/u).replaceAll('%', '%%')}"`;
}

function checkedPort(port: number): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new PosternError('SSH_ARGUMENT_REFUSED', { line: `port ${port}` });
}

function checked(what: string, value: string, pattern: RegExp): string {
  if (pattern.test(value)) return value;
  throw new PosternError('SSH_ARGUMENT_REFUSED', { line: `${what} ${JSON.stringify(value.slice(0, 80))}` });
}
