import { EXIT, defineErrors } from './definition.ts';

/** What can go wrong between home and relay; `link/classify.ts` finds the entry for what ssh prints. */
export const linkErrors = defineErrors({
  SSH_NOT_FOUND: {
    what: 'There is no ssh program on this machine',
    remedy: 'Install the OpenSSH client (Debian, Ubuntu: apt install openssh-client) and try again.',
    exit: EXIT.failed,
  },
  SSH_NOT_STARTED: {
    what: 'The ssh program could not be started: {line}',
    remedy: 'Look at the limits of this machine (processes, open files) and at the rights of the program.',
    exit: EXIT.failed,
  },
  SSH_ARGUMENT_REFUSED: {
    what: 'ssh may not be given this: {line}',
    remedy: 'Correct it in postern.yaml.',
    exit: EXIT.usage,
  },
  SSH_OPTION_UNKNOWN: {
    what: 'This ssh does not know an option that the link needs: {line}',
    remedy: 'Update the OpenSSH client (8.4 or newer): ssh -V',
    exit: EXIT.failed,
  },
  SSH_NAME_UNKNOWN: {
    what: 'The name of the relay cannot be resolved: {line}',
    remedy: 'Look at `relay.host` in postern.yaml and at the network of this machine.',
    exit: EXIT.unreachable,
  },
  SSH_REFUSED: {
    what: 'The relay refuses connections on its ssh port: {line}',
    remedy: 'Is sshd running there, and is `relay.port` right? On the relay: ss -ltnp | grep sshd',
    exit: EXIT.unreachable,
  },
  SSH_TIMEOUT: {
    what: 'The relay does not answer in time: {line}',
    remedy: 'Is the relay up, and does its firewall let this port in?',
    exit: EXIT.unreachable,
  },
  SSH_UNREACHABLE: {
    what: 'There is no way to the relay from this network: {line}',
    remedy: 'Look at the network of this machine: ip route get ADDRESS',
    exit: EXIT.unreachable,
  },
  SSH_SILENT: {
    what: 'The connection answers no heartbeat any more',
    remedy: 'Nothing: a new connection is being made.',
    exit: EXIT.unreachable,
  },
  SSH_LOST: {
    what: 'An established connection broke: {line}',
    remedy: 'Nothing: a new connection is being made.',
    exit: EXIT.unreachable,
  },
  SSH_ENDED: {
    what: 'ssh ended without a word ({line})',
    remedy: 'Nothing: a new connection is being made.',
    exit: EXIT.unreachable,
  },
  SSH_CLOSED_EARLY: {
    what: 'The relay closed the connection before the login: {line}',
    remedy:
      'Too many connections or failures from this address, perhaps. On the relay: journalctl -u ssh -n 50 (MaxStartups, PerSourcePenalties, fail2ban)',
    exit: EXIT.unreachable,
  },
  SSH_NOT_SSH: {
    what: 'What answers at the relay is not an ssh server: {line}',
    remedy: 'Look at `relay.host` and `relay.port`; a hotel or company network may be in between.',
    exit: EXIT.unreachable,
  },
  SSH_NO_COMMON_ALGORITHM: {
    what: 'Home and relay have no algorithm in common: {line}',
    remedy: 'Update OpenSSH on the older of both: ssh -V',
    exit: EXIT.failed,
  },
  SSH_CORRUPTED: {
    what: 'Data was damaged on the way: {line}',
    remedy: 'If it comes back: something in between changes packets (router, VPN, bad memory).',
    exit: EXIT.unreachable,
  },
  SSH_HOST_KEY_UNKNOWN: {
    what: 'The host key of the relay is not known, so nothing is sent to it: {line}',
    remedy:
      'Compare its fingerprint on the relay (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) and pin it.',
    exit: EXIT.denied,
  },
  SSH_HOST_KEY_CHANGED: {
    what: 'The relay shows another host key than the pinned one: it was set up anew, or somebody is in between',
    remedy:
      'Compare the fingerprint over another way (console of the provider) before you pin the new key; until then the link stays down.',
    exit: EXIT.denied,
  },
  SSH_HOST_KEY_REVOKED: {
    what: 'The host key of the relay is marked as revoked',
    remedy: 'Set up the relay with a new host key, then pin that one.',
    exit: EXIT.denied,
  },
  SSH_KEY_REFUSED: {
    what: 'The relay does not accept the key of the link: {line}',
    remedy: 'Is the key in the account on the relay? On the relay: journalctl -u ssh -n 50',
    exit: EXIT.denied,
  },
  SSH_KEY_UNREADABLE: {
    what: 'The private key of the link cannot be used: {line}',
    remedy:
      'Look at the file and its rights (chmod 600 FILE); a key with a passphrase belongs into the agent (ssh-add FILE).',
    exit: EXIT.denied,
  },
  SSH_AGENT_REFUSED: {
    what: 'The ssh agent did not sign: {line}',
    remedy: 'Unlock the agent or touch the hardware key: ssh-add -l',
    exit: EXIT.denied,
  },
  SSH_TOO_MANY_KEYS: {
    what: 'The agent offered too many keys before the right one: {line}',
    remedy: 'Name the key file of the link, so that no other is offered.',
    exit: EXIT.denied,
  },
  SSH_ACCOUNT_CLOSED: {
    what: 'The account of the link may not log in on the relay: {line}',
    remedy: 'Look at the account there: its shell, its expiry, AllowUsers and DenyUsers.',
    exit: EXIT.denied,
  },
  SSH_RELAY_BOOTING: {
    what: 'The relay is starting or going down: {line}',
    remedy: 'Nothing: a new connection is made as soon as it is ready.',
    exit: EXIT.unreachable,
  },
  SSH_FORWARD_REFUSED: {
    what: 'The relay did not open the way for visitors: {line}',
    remedy:
      'Does something else hold that name or port, and do the sshd settings allow it? On the relay: sshd -T -C user=ACCOUNT | grep -i forward',
    exit: EXIT.unreachable,
  },
  SSH_SESSION_REFUSED: {
    what: 'The relay let the link in but did not start its session: {line}',
    remedy: 'Is the session script in place? Compare with: postern relay-files',
    exit: EXIT.failed,
  },
  SSH_SESSION_SILENT: {
    what: 'The session on the relay did not say hello in time',
    remedy: 'Is the session script in place, and is the relay overloaded? Compare with: postern relay-files',
    exit: EXIT.unreachable,
  },
  SSH_SESSION_PROTOCOL: {
    what: 'The session on the relay speaks otherwise than expected: {line}',
    remedy: 'Its script belongs to another version. Compare with: postern relay-files',
    exit: EXIT.failed,
  },
  LINK_HOME_END: {
    what: 'The home end of a connection could not be opened: {line}',
    remedy: 'Look at the folder ~/.postern/run and its rights.',
    exit: EXIT.failed,
  },
  SSH_UNKNOWN: {
    what: 'ssh ended with words that Postern does not know: {line}',
    remedy: 'Try the same by hand, with words: ssh -v -p PORT ACCOUNT@HOST',
    exit: EXIT.failed,
  },
});
