import { EXIT, defineErrors } from './definition.ts';

export const configErrors = defineErrors({
  CONFIG_NOT_FOUND: {
    what: 'There is no configuration at {path}',
    remedy: 'Write one (docs/config.md has a sample), or name it with --config FILE.',
    exit: EXIT.usage,
  },
  CONFIG_SYNTAX: {
    what: '{where}: this is not valid YAML: {reason}',
    remedy: 'Mend that line.',
    exit: EXIT.usage,
  },
  CONFIG_INVALID: {
    what: '{where}: {reason}',
    remedy: '{fix}',
    exit: EXIT.usage,
  },
  CONFIG_SECRET_UNRESOLVED: {
    what: '{where}: the secret {reference} cannot be read: {reason}',
    remedy: 'Set it, or change the reference.',
    exit: EXIT.usage,
  },
  CONFIG_SECRET_EXPOSED: {
    what: '{where}: the file holds a literal secret and others on this machine may read it (mode {mode})',
    remedy: 'chmod 600 {path}',
    exit: EXIT.usage,
  },
});
