import { EXIT, defineErrors } from './definition.ts';

export const configErrors = defineErrors({
  CONFIG_NOT_FOUND: {
    what: 'There is no configuration at {path}',
    remedy: 'Write one (docs/config.md has a sample), or name it with --config FILE.',
    exit: EXIT.usage,
  },
  CONFIG_UNREADABLE: {
    what: 'The configuration {path} was not read: {reason}',
    remedy: 'It has to be a regular file of at most 1 MiB; name the file itself with --config FILE.',
    exit: EXIT.usage,
  },
  CONFIG_UNSAFE: {
    what: 'Others on this machine may change {path} ({reason}), and it names programs that Postern runs',
    remedy: 'chmod go-w {path}',
    exit: EXIT.usage,
  },
  CONFIG_SYNTAX: {
    what: 'The configuration is not valid YAML:\n{problems}',
    remedy: 'Mend the first line that is named; what follows is often its consequence.',
    exit: EXIT.usage,
  },
  CONFIG_INVALID: {
    what: 'The configuration is not right:\n{problems}',
    remedy: 'Mend what is named; docs/config.md lists every key with its meaning.',
    exit: EXIT.usage,
  },
  CONFIG_SECRET_UNRESOLVED: {
    what: 'The secret {reference} cannot be read: {reason}',
    remedy: 'Set it, or change the reference in postern.yaml.',
    exit: EXIT.usage,
  },
  CONFIG_SECRET_EXPOSED: {
    what: '{where}: {key} holds a literal secret and others on this machine may read it (mode {mode})',
    remedy: 'chmod 600 {path}',
    exit: EXIT.usage,
  },
});
