import { EXIT, defineErrors } from './definition.ts';

export const daemonErrors = defineErrors({
  DAEMON_NOT_RUNNING: {
    what: 'The daemon is not running',
    remedy: 'postern up',
    exit: EXIT.unreachable,
  },
});
