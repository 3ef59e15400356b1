import type { ErrorCode } from '../core/errors/index.ts';
import type { linkErrors } from '../core/errors/link.ts';

/** The codes of this area. */
export type LinkErrorCode = keyof typeof linkErrors & ErrorCode;

/**
 * What a failure means for the next attempt:
 * `halt`     another attempt would be refused as well, and counted against this address: stop and say so
 * `network`  nothing of the relay was reached: ask for the way first, cheaply
 * `retry`    the relay answered: back off
 */
export type FailureKind = 'halt' | 'network' | 'retry';

/** Why a connection ended or never came to be. */
export interface Failure {
  readonly code: LinkErrorCode;
  readonly kind: FailureKind;
  /** The line that says so, or the last one; printable characters only. */
  readonly line: string;
}

/** What is known when an ssh process has ended. */
export interface SshEnd {
  readonly stderr: string;
  readonly status: number | null;
  readonly signal: string | null;
  /** Why it never started, an errno name. */
  readonly startError?: string | undefined;
}

/**
 * OpenSSH's words, the more telling ones first: a key that cannot be read also ends in "Permission denied".
 * Taken from OpenSSH 8.4 to 10 and from the Windows build; samples in test/golden/ssh-stderr.
 */
const PATTERNS: readonly (readonly [LinkErrorCode, RegExp])[] = [
  ['SSH_HOST_KEY_REVOKED', /REVOKED HOST KEY DETECTED|host key .* is marked as revoked|Host key .* revoked/i],
  ['SSH_HOST_KEY_CHANGED', /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i],
  [
    'SSH_HOST_KEY_UNKNOWN',
    /^No .* host key is known for|^Host key verification failed|^hostkeys_foreach failed/im,
  ],
  [
    'SSH_OPTION_UNKNOWN',
    /Bad configuration option|Bad SSH2 cipher spec|^(unknown|illegal) option --|Bad key types|unsupported option/im,
  ],
  [
    'SSH_NO_COMMON_ALGORITHM',
    /Unable to negotiate with|no matching (cipher|MAC|key exchange method|host key type) found/i,
  ],
  [
    'SSH_NOT_SSH',
    /Protocol mismatch|Bad remote protocol version|banner line (\d+ )?contains invalid characters|Protocol major versions differ|too many lines received before server's identification|banner line too long|No banner received/i,
  ],
  [
    'SSH_AGENT_REFUSED',
    /agent refused operation|signing failed for .* from agent|agent.* (communication with agent failed|error fetching identities)/i,
  ],
  [
    'SSH_KEY_UNREADABLE',
    /UNPROTECTED PRIVATE KEY FILE|^Load key ".*"|no such identity|Identity file .* not accessible|incorrect passphrase|bad permissions/im,
  ],
  ['SSH_TOO_MANY_KEYS', /Too many authentication failures/i],
  [
    'SSH_RELAY_BOOTING',
    /System is (booting up|going down)|is not permitted to log in yet|Unprivileged users are not permitted|The system is going down/i,
  ],
  [
    'SSH_ACCOUNT_CLOSED',
    /account is currently not available|account has expired|password has expired|account is locked|Your account|not allowed because|change your password/i,
  ],
  [
    'SSH_SESSION_REFUSED',
    /^postern: |exec request failed|shell request failed|subsystem request failed|open failed: (administratively prohibited|resource shortage|connect failed)|: (command )?not found$|No such file or directory$/im,
  ],
  [
    'SSH_KEY_REFUSED',
    /Permission denied \(|No more authentication methods|No supported authentication methods|^Authentication failed|^Permission denied, please try again/im,
  ],
  [
    'SSH_FORWARD_REFUSED',
    /remote port forwarding failed|remote forward (failure|failed)|Could not request .*forwarding|bind: .* in use|Port forwarding is disabled/i,
  ],
  [
    'SSH_CORRUPTED',
    /Corrupted MAC|message authentication code incorrect|Bad packet length|padding error|incorrect signature|bad decrypted len/i,
  ],
  [
    'SSH_NAME_UNKNOWN',
    /Could not resolve hostname|Name or service not known|nodename nor servname|Temporary failure in name resolution/i,
  ],
  [
    'SSH_REFUSED',
    /^ssh: connect to .*(Connection refused|actively refused)|connect to .* port \d+: Connection refused/im,
  ],
  [
    'SSH_UNREACHABLE',
    /(Network is unreachable|No route to host|Network is down|Host is down|Can't assign requested address|Cannot assign requested address|A socket operation was attempted to an unreachable|connect to .*: (Permission denied|Unknown error|Operation not permitted|Protocol not available|Invalid argument))/i,
  ],
  [
    'SSH_TIMEOUT',
    /^ssh: connect to .*timed out|banner exchange: .*timed out|Timeout before authentication|Connection to .* timed out$/im,
  ],
  [
    'SSH_CLOSED_EARLY',
    /^Connection (closed|reset) by .* port \d+$|(kex|ssh)_exchange_identification: |banner exchange: .*(Connection reset|Broken pipe|closed)|Not allowed at this time|Exceeded MaxStartups/im,
  ],
  [
    'SSH_LOST',
    /closed by remote host|client_loop: |Connection (reset|closed|aborted)|Broken pipe|Timeout, server .* not responding|Read from remote host|Write failed|packet_write_wait|ssh_dispatch_run_fatal|Received disconnect from|Disconnected from|Killed by signal|An established connection was aborted|forcibly closed|Connection to .* closed/i,
  ],
  [
    'SSH_NOT_STARTED',
    /fork.*Resource temporarily unavailable|Too many open files|Cannot allocate memory|socket: |getaddrinfo: /i,
  ],
];

const KINDS: Readonly<Partial<Record<LinkErrorCode, FailureKind>>> = {
  SSH_NOT_FOUND: 'halt',
  SSH_ARGUMENT_REFUSED: 'halt',
  SSH_OPTION_UNKNOWN: 'halt',
  SSH_HOST_KEY_UNKNOWN: 'halt',
  SSH_HOST_KEY_CHANGED: 'halt',
  SSH_HOST_KEY_REVOKED: 'halt',
  SSH_KEY_REFUSED: 'halt',
  SSH_KEY_UNREADABLE: 'halt',
  SSH_AGENT_REFUSED: 'halt',
  SSH_TOO_MANY_KEYS: 'halt',
  SSH_ACCOUNT_CLOSED: 'halt',
  SSH_NAME_UNKNOWN: 'network',
  SSH_REFUSED: 'network',
  SSH_TIMEOUT: 'network',
  SSH_UNREACHABLE: 'network',
  SSH_SILENT: 'network',
  SSH_SESSION_SILENT: 'network',
};

/** Lines that say nothing about why ssh ended. */
const CHATTER =
  /^(Pseudo-terminal will not be allocated|Warning: Permanently added|\*\* |debug\d: |Authenticated to |Transferred: |@|$)/;

/** A failure by its code. */
export function failureOf(code: LinkErrorCode, line = ''): Failure {
  return { code, kind: KINDS[code] ?? 'retry', line: printable(line) };
}

/**
 * Reads what ssh printed. The only place that knows its words; what it does not know is SSH_UNKNOWN, never "fine".
 * @param end how the process ended and what it wrote to stderr
 */
export function classifyEnd(end: SshEnd): Failure {
  if (end.startError === 'ENOENT') return failureOf('SSH_NOT_FOUND');
  if (end.startError !== undefined) return failureOf('SSH_NOT_STARTED', end.startError);
  const lines = end.stderr.split(/\r?\n|\r/).map((line) => line.trimEnd());
  const telling = lines.filter((line) => !CHATTER.test(line));
  for (const [code, pattern] of PATTERNS) {
    if (!pattern.test(end.stderr)) continue;
    return failureOf(code, telling.find((line) => pattern.test(line)) ?? telling.at(-1));
  }
  const last = telling.at(-1);
  if (last !== undefined) return failureOf('SSH_UNKNOWN', last);
  return failureOf('SSH_ENDED', end.signal === null ? `status ${end.status ?? 'none'}` : end.signal);
}

/** At most 300 characters, none of which a terminal obeys. */
function printable(line: string): string {
  return line
    .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]+/gu, ' ')
    .trim()
    .slice(0, 300);
}
