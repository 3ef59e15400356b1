import { EXIT, defineErrors } from './definition.ts';

/** The login service at home. */
export const serviceErrors = defineErrors({
  SERVICE_FILE_FOREIGN: {
    what: '{path} is there already and was not made by Postern',
    remedy: 'Look at it; when nobody needs it, move it away and try again: postern service install',
    exit: EXIT.failed,
  },
  SERVICE_NOT_INSTALLED: {
    what: 'Postern is not installed as a service of this account',
    remedy: 'postern service install',
    exit: EXIT.failed,
  },
  SERVICE_UNSUPPORTED: {
    what: 'There is no service manager here that Postern knows: {reason}',
    remedy: 'Let whatever starts programs on this machine run, as this user: postern up',
    exit: EXIT.failed,
  },
  SERVICE_VALUE_UNSAFE: {
    what: 'The {field} cannot stand in a service file of {manager}: {value}',
    remedy: 'Move it to a path of ordinary letters, then try again: postern service install',
    exit: EXIT.usage,
  },
  SERVICE_COMMAND_FAILED: {
    what: '{command} failed: {reason}',
    remedy: 'postern service status, and postern service logs',
    exit: EXIT.failed,
  },
});
