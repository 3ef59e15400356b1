import { MARKER, SESSION_SCRIPT, accountOf } from '../../core/relay-layout.ts';
import type { RelayInput } from './relay-input.ts';

/**
 * The account's settings, in the order in which they stand in its `Match` block.
 * `AllowTcpForwarding remote` with `PermitListen none` is what permits unix sockets and nothing else:
 * `AllowTcpForwarding no` would refuse those as well.
 */
export function sshdSettings(home: string): readonly (readonly [keyword: string, value: string])[] {
  const account = accountOf(home);
  return [
    ['AllowUsers', account],
    ['AllowGroups', account],
    ['AuthenticationMethods', 'publickey'],
    ['PubkeyAuthentication', 'yes'],
    ['PasswordAuthentication', 'no'],
    ['KbdInteractiveAuthentication', 'no'],
    ['HostbasedAuthentication', 'no'],
    ['GSSAPIAuthentication', 'no'],
    ['KerberosAuthentication', 'no'],
    ['AuthorizedKeysFile', '/etc/ssh/postern/%u'],
    ['AuthorizedKeysCommand', 'none'],
    ['AuthorizedPrincipalsFile', 'none'],
    ['TrustedUserCAKeys', 'none'],
    ['ForceCommand', `exec ${SESSION_SCRIPT}`],
    ['DisableForwarding', 'no'],
    ['AllowTcpForwarding', 'remote'],
    ['PermitListen', 'none'],
    ['PermitOpen', 'none'],
    ['AllowStreamLocalForwarding', 'remote'],
    ['StreamLocalBindUnlink', 'yes'],
    ['StreamLocalBindMask', '0117'],
    ['GatewayPorts', 'no'],
    ['PermitTunnel', 'no'],
    ['PermitTTY', 'no'],
    ['PermitUserRC', 'no'],
    ['AllowAgentForwarding', 'no'],
    ['X11Forwarding', 'no'],
    ['MaxSessions', '1'],
    ['MaxAuthTries', '3'],
    ['ClientAliveInterval', '5'],
    ['ClientAliveCountMax', '3'],
    ['Banner', 'none'],
    ['LogLevel', 'INFO'],
  ];
}

/** The drop-in for sshd_config.d: one `Match` block, so nothing in it reaches another account. */
export function sshdBlock(input: RelayInput): string {
  const lines = sshdSettings(input.home).map(([keyword, value]) => `    ${keyword} ${value}`);
  return `# ${MARKER}: ${input.home}\nMatch User ${accountOf(input.home)}\n${lines.join('\n')}\n`;
}

/** The one line of the account's key file; the key can do nothing that the line does not name. */
export function authorizedKeyLine(input: RelayInput): string {
  return `restrict,port-forwarding,command="exec ${SESSION_SCRIPT}" ${input.publicKey} postern:${input.home}`;
}

export function authorizedKeysFile(input: RelayInput): string {
  return `# ${MARKER}: ${input.home}\n${authorizedKeyLine(input)}\n`;
}

/** The line for an ordinary account (`forward: port`): it may listen on these loopback ports, forward nothing else, get no terminal. */
export function ordinaryAccountKeyLine(
  input: Pick<RelayInput, 'home' | 'publicKey'>,
  ports: readonly number[],
): string {
  const listen = ports.map((port) => `permitlisten="127.0.0.1:${Math.trunc(port)}"`).join(',');
  return `restrict,port-forwarding,${listen},permitopen="127.0.0.1:1" ${input.publicKey} postern:${input.home}`;
}
