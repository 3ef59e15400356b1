import { EXIT, defineErrors } from './definition.ts';

export const daemonErrors = defineErrors({
  DAEMON_NOT_RUNNING: {
    what: 'The daemon is not running',
    remedy: 'postern up',
    exit: EXIT.unreachable,
  },
  DAEMON_SILENT: {
    what: 'The daemon (process {pid}) does not answer on its control socket: {reason}',
    remedy: 'Start another one in its place: postern up',
    exit: EXIT.unreachable,
  },
  DAEMON_REFUSED: {
    what: 'The daemon refused that: {reason}',
    remedy: 'It may be of another version: start it again with postern up.',
    exit: EXIT.failed,
  },
  DAEMON_STARTING: {
    what: 'Another "postern up" (process {pid}) is just starting',
    remedy: 'Wait for it: postern status',
    exit: EXIT.failed,
  },
  DAEMON_START_ENDED: {
    what: 'The start was ended',
    remedy: 'postern up',
    exit: EXIT.failed,
  },
  DAEMON_HAND_OVER_FAILED: {
    what: 'The new daemon did not get through ({reason}), so the one that was running goes on',
    remedy: 'See why with: postern status; postern logs',
    exit: EXIT.unreachable,
  },
  DAEMON_PATH_TOO_LONG: {
    what: 'The path of a socket would be longer than a unix socket may have ({path})',
    remedy: 'Choose a shorter folder: POSTERN_HOME=$HOME/.p postern up',
    exit: EXIT.usage,
  },
  DAEMON_STATE_UNUSABLE: {
    what: '{path} cannot be used: {reason}',
    remedy: 'It belongs to Postern: make sure that this user owns it and the disk is not full.',
    exit: EXIT.failed,
  },
  LINK_HOST_KEY_MISSING: {
    what: 'No host key of the relay {host} is pinned, so ssh could not tell it from an impostor',
    remedy:
      'On the relay, print it (cat /etc/ssh/ssh_host_ed25519_key.pub) and put it into postern.yaml as relay.hostKey.',
    exit: EXIT.usage,
  },
  LINK_DOWN: {
    what: 'No connection to the relay {relay} is up',
    remedy: 'Postern goes on trying. See the last error of each connection: postern status',
    exit: EXIT.unreachable,
  },
  LINK_DEGRADED: {
    what: 'Connection {slot} to the relay {relay} is down, the others carry the visitors',
    remedy: 'Postern goes on trying. See its last error: postern status',
    exit: EXIT.unreachable,
  },
  LINK_HALTED: {
    what: 'Postern has stopped connecting to the relay {relay}: {reason} [{cause}]',
    remedy: '{fix} Then: postern up',
    exit: EXIT.unreachable,
  },
  CANARY_FAILED: {
    what: 'A request of our own through {url} did not come back: {reason}',
    remedy: 'Visitors probably see the same. Look at the relay: nginx -t, ss -ltn, and its error.log.',
    exit: EXIT.unreachable,
  },
  CANARY_FOREIGN_CERTIFICATE: {
    what: '{url} shows a certificate that is not ours: {reason}',
    remedy:
      'Somebody else ends TLS for that name. Do not sign in there; check the relay and the DNS records of the name.',
    exit: EXIT.denied,
  },
  CERTIFICATE_UNREADABLE: {
    what: 'The certificate files of {service} cannot be used: {reason}',
    remedy: 'Correct certificate: in postern.yaml, or the files; they are read again when they change.',
    exit: EXIT.usage,
  },
  CERTIFICATE_MISSING: {
    what: '{service} ends TLS at home and names no certificate',
    remedy:
      'Let Postern get one: acme: { directory: letsencrypt, agreeTos: true } in postern.yaml (read the terms first). Or add certificate: { cert: FILE, key: FILE } to it.',
    exit: EXIT.usage,
  },
  CERTIFICATE_EXPIRES: {
    what: 'The certificate of {service} ends on {date}',
    remedy: 'Renew it and put the new files in the place of the old; they are read again by themselves.',
    exit: EXIT.failed,
  },
});
