import { EXIT, defineErrors } from './definition.ts';

export const relayErrors = defineErrors({
  RELAY_FILES_EXIST: {
    what: '{path} is there already and differs',
    remedy: 'Choose an empty folder with --out DIR.',
    exit: EXIT.failed,
  },
  RELAY_VALUE_UNSAFE: {
    what: 'The {field} cannot stand in a file of the relay: {value}',
    remedy: 'Correct it in postern.yaml; docs/config.md says which characters it may have.',
    exit: EXIT.usage,
  },
  RELAY_KEY_FAILED: {
    what: "Postern's own ssh key could not be made at {path}: {reason}",
    remedy: 'ssh-keygen -t ed25519 -N "" -f {path}',
    exit: EXIT.failed,
  },
});
