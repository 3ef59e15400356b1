import { EXIT, defineErrors } from './definition.ts';

export const cliErrors = defineErrors({
  CLI_USAGE: {
    what: '{reason}',
    remedy: 'postern {command} --help',
    exit: EXIT.usage,
  },
  CLI_UNKNOWN_COMMAND: {
    what: 'There is no command {command}{hint}',
    remedy: 'postern --help shows what there is.',
    exit: EXIT.usage,
  },
  INTERNAL: {
    what: 'Postern met an error of its own: {reason}',
    remedy: 'Please report it with the output of the same command and POSTERN_DEBUG=1.',
    exit: EXIT.failed,
  },
});
