import { EXIT, defineErrors } from './definition.ts';

/** Changing the world: plan, apply, undo, destroy. */
export const provisionErrors = defineErrors({
  PROVISION_SHELL_LOST: {
    what: 'The connection to the relay broke while Postern worked there: {reason}',
    remedy: 'Run the same command again: it goes on where it stopped.',
    exit: EXIT.unreachable,
  },
  PROVISION_NOT_ROOT: {
    what: 'The account {user} on the relay is not root and may not become root without a password',
    remedy:
      'Set relay.user to root in postern.yaml, or let the account use sudo without a password: ssh {user}@{host} sudo -n true',
    exit: EXIT.denied,
  },
  PROVISION_BLOCKED: {
    what: 'Nothing was changed: {count} of the wanted changes are blocked ({resources})',
    remedy: 'postern plan shows why, and what to do.',
    exit: EXIT.failed,
  },
  PROVISION_NOT_CONFIRMED: {
    what: 'Nothing was changed: nobody said yes to the plan',
    remedy: 'postern apply --yes',
    exit: EXIT.failed,
  },
  PROVISION_PLAN_STALE: {
    what: 'The world has changed since the plan was saved ({resources}), so nothing was changed',
    remedy: 'postern plan --save FILE, read it again, then postern apply FILE',
    exit: EXIT.failed,
  },
  PROVISION_PLAN_UNREADABLE: {
    what: '{path} is no saved plan of this home: {reason}',
    remedy: 'postern plan --save {path}',
    exit: EXIT.usage,
  },
  PROVISION_RESOURCE_UNKNOWN: {
    what: 'There is no resource {resource} to adopt',
    remedy: 'postern plan names them.',
    exit: EXIT.usage,
  },
  PROVISION_STEP_FAILED: {
    what: 'On the relay a step failed ({step}), and what it had changed was taken back: {reason}',
    remedy: 'Correct that, then run the same command again.',
    exit: EXIT.failed,
  },
  PROVISION_NOT_AS_WANTED: {
    what: 'After the change {resource} is not as wanted',
    remedy: 'postern plan shows what is different; does something else on the relay change it?',
    exit: EXIT.failed,
  },
  PROVISION_NO_SWITCH: {
    what: 'Nothing was changed: the relay has nothing that could take {step} back by itself (no systemd, no running atd, no running cron)',
    remedy: 'On the relay: apt install at && systemctl enable --now atd',
    exit: EXIT.failed,
  },
  PROVISION_PROOF_FAILED: {
    what: 'After the change a new connection did not work ({reason}), so {step} was taken back',
    remedy: 'postern plan, and on the relay: journalctl -u ssh -n 50',
    exit: EXIT.failed,
  },
  PROVISION_UNDO_CHANGED: {
    what: 'Nothing was taken back: {resources} was changed by other hands since',
    remedy: 'Look at it on the relay; postern plan shows the difference.',
    exit: EXIT.failed,
  },
  PROVISION_NOTHING_TO_UNDO: {
    what: 'There is no apply to take back',
    remedy: 'postern destroy takes everything of Postern off the relay.',
    exit: EXIT.failed,
  },
  PROVISION_BUSY: {
    what: 'Another postern command is changing the relay (process {pid})',
    remedy: 'Wait for it to end.',
    exit: EXIT.failed,
  },
  PROVISION_NOT_SUPPORTED: {
    what: 'This configuration cannot be applied: {reason}',
    remedy: 'postern relay-files shows what to set up by hand.',
    exit: EXIT.usage,
  },
});
