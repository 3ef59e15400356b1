import { EXIT, defineErrors } from './definition.ts';

export const authErrors = defineErrors({
  AUTH_NO_USER: {
    what: 'Nobody could sign in: there is no user yet, so nothing is published',
    remedy: 'postern users add NAME',
    exit: EXIT.denied,
  },
  AUTH_USER_EXISTS: {
    what: 'There is a user {name} already',
    remedy: 'postern users passwd {name}',
    exit: EXIT.failed,
  },
  AUTH_USER_UNKNOWN: {
    what: 'There is no user {name}',
    remedy: 'postern users list',
    exit: EXIT.failed,
  },
  AUTH_USER_NAME: {
    what: 'A user name has 1 to 64 of a-z, 0-9 and . _ @ -, and starts with a letter or a digit',
    remedy: 'Choose another name: postern users add NAME',
    exit: EXIT.usage,
  },
  AUTH_PASSWORD_SHORT: {
    what: 'A password needs at least {least} characters',
    remedy: 'Choose a longer one, or leave it empty to be given four random words.',
    exit: EXIT.usage,
  },
  AUTH_PASSWORD_LONG: {
    what: 'A password has at most {most} bytes',
    remedy: 'Choose a shorter one.',
    exit: EXIT.usage,
  },
  AUTH_PASSWORD_NOT_ASKED: {
    what: 'There is no terminal to ask for the password',
    remedy: 'Send it on standard input and add --password-stdin (an empty line makes four random words).',
    exit: EXIT.usage,
  },
  AUTH_PASSWORD_DIFFERS: {
    what: 'The two passwords are not the same',
    remedy: 'Try again.',
    exit: EXIT.usage,
  },
  AUTH_SESSION_UNKNOWN: {
    what: 'There is no session {id}',
    remedy: 'postern sessions list',
    exit: EXIT.failed,
  },
  AUTH_DEVICE_UNKNOWN: {
    what: 'There is no device {id}',
    remedy: 'postern devices list',
    exit: EXIT.failed,
  },
  AUTH_DEVICE_NAME: {
    what: "A device's name has 1 to 64 characters and no control characters",
    remedy: 'postern devices rename ID NAME',
    exit: EXIT.usage,
  },
  AUTH_CODE_UNKNOWN: {
    what: 'No browser waits with the code {code}: it was used, refused or is older than 10 minutes',
    remedy: 'Look at the code on the new device once more, and at: postern devices list',
    exit: EXIT.failed,
  },
  AUTH_NOT_CONFIRMED: {
    what: 'Nothing was approved',
    remedy: 'postern devices approve CODE, or with --yes where there is no terminal to ask on.',
    exit: EXIT.denied,
  },
});
