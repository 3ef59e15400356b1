import { EXIT, defineErrors } from './definition.ts';

export const edgeErrors = defineErrors({
  EDGE_SERVICE_DOWN: {
    what: 'The service behind {service} does not answer at {target}',
    remedy: 'Start it, or correct `to:` in postern.yaml.',
    exit: EXIT.unreachable,
  },
});
