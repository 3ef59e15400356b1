import { EXIT, defineErrors } from './definition.ts';

export const gatewayErrors = defineErrors({
  GATEWAY_TRUSTS_STRANGERS: {
    what: 'The gateway behind {service} takes strangers for its owner, so the service stays shut',
    remedy: 'See docs/openclaw.md, "Strangers are the owner".',
    exit: EXIT.denied,
  },
});
