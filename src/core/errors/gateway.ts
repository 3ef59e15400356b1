import { EXIT, defineErrors } from './definition.ts';

export const gatewayErrors = defineErrors({
  GATEWAY_TRUSTS_STRANGERS: {
    what: 'The gateway behind {service} takes strangers for its owner, so the service stays shut',
    remedy: 'See docs/openclaw.md, "Strangers are the owner".',
    exit: EXIT.denied,
  },
  GATEWAY_PROXY_UNTRUSTED: {
    what: 'The gateway behind {service} refuses every visitor (403 proxy_attribution_required), so the service stays shut',
    remedy: '{fix}',
    exit: EXIT.denied,
  },
  GATEWAY_STARTING: {
    what: 'The gateway behind {service} is still starting',
    remedy: 'Wait: Postern asks again by itself.',
    exit: EXIT.unreachable,
  },
  GATEWAY_ANSWER_UNKNOWN: {
    what: 'What answers behind {service} does not speak like an OpenClaw gateway ({reason}), so the service stays shut',
    remedy: 'Check `to:` and `kind:` of {service} in postern.yaml.',
    exit: EXIT.failed,
  },
  GATEWAY_SETTINGS_UNEDITABLE: {
    what: 'The settings of the gateway cannot be changed from here: {reason}',
    remedy: '{fix}',
    exit: EXIT.failed,
  },
  GATEWAY_SETTINGS_REFUSED: {
    what: 'The gateway does not take the changed settings in {file}, so they are as they were: {reason}',
    remedy: 'openclaw config validate',
    exit: EXIT.failed,
  },
});
