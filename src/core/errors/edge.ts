import { EXIT, defineErrors } from './definition.ts';

export const edgeErrors = defineErrors({
  EDGE_SERVICE_DOWN: {
    what: 'The service behind {service} does not answer at {target}',
    remedy: 'Start it, or correct `to:` in postern.yaml.',
    exit: EXIT.unreachable,
  },
  EDGE_NO_SUCH_SERVICE: {
    what: 'There is no service {service}',
    remedy: 'Use a name that stands under `services:` in postern.yaml.',
    exit: EXIT.failed,
  },
});
