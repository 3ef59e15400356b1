import { EXIT, defineErrors } from './definition.ts';

export const verifyErrors = defineErrors({
  VERIFY_DOOR_OPEN: {
    what: '{count} of the doors that have to be shut stand open: {codes}',
    remedy: 'Each with its remedy is shown by: postern verify; what the codes mean: docs/verify.md.',
    exit: EXIT.failed,
  },
  VERIFY_COULD_NOT_LOOK: {
    what: 'Not everything could be looked at: {codes}',
    remedy: 'See why above, and what is up with: postern status. Then: postern verify',
    exit: EXIT.unreachable,
  },
  VERIFY_UNKNOWN_SERVICE: {
    what: 'There is no service {name} in the configuration{hint}',
    remedy: 'Without a name all of them are looked at: postern verify',
    exit: EXIT.usage,
  },
  VERIFY_NO_RELAY_USER: {
    what: 'The relay cannot be looked at from inside: no operator account is configured',
    remedy: 'Put the account that may become root there into postern.yaml, such as relay.user: root',
    exit: EXIT.usage,
  },
  VERIFY_LOGIN_OFF: {
    what: 'A stranger was not asked to sign in at {url} ({answer}), so the service is shut',
    remedy: 'Start Postern again and look: postern up; postern verify {service}',
    exit: EXIT.denied,
  },
});
