import { EXIT, defineErrors } from './definition.ts';

export const demoErrors = defineErrors({
  DEMO_TARGET_DOWN: {
    what: 'Nothing answers at {target}',
    remedy: 'Start the service first, or leave out --to to see the sample assistant.',
    exit: EXIT.unreachable,
  },
});
