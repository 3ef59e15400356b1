import { EXIT, defineErrors } from './definition.ts';

export const linkErrors = defineErrors({
  SSH_NOT_FOUND: {
    what: 'There is no ssh program on this machine',
    remedy: 'Install the OpenSSH client (Debian, Ubuntu: apt install openssh-client) and try again.',
    exit: EXIT.failed,
  },
  SSH_UNKNOWN: {
    what: 'ssh ended with words that Postern does not know: {line}',
    remedy: 'Try the same by hand: {command}',
    exit: EXIT.failed,
  },
});
