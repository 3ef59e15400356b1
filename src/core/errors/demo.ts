import { EXIT, defineErrors } from './definition.ts';

export const demoErrors = defineErrors({
  DEMO_TARGET_DOWN: {
    what: 'Nothing answers at {target} ({reason})',
    remedy: 'Start the service first, or leave out --to to see the sample assistant.',
    exit: EXIT.unreachable,
  },
  DEMO_PORT_TAKEN: {
    what: 'Port {port} is taken by another program',
    remedy: 'Choose another one, or let the demo find a free one: postern demo --port 0',
    exit: EXIT.failed,
  },
  DEMO_PORT_DENIED: {
    what: 'This user may not listen on port {port}',
    remedy: 'Choose one above 1023, or let the demo find a free one: postern demo --port 0',
    exit: EXIT.denied,
  },
  DEMO_NOT_READY: {
    what: 'The demo did not get through its own relay within {seconds} s: {reason}',
    remedy:
      'Does anything keep programs of this machine from talking to 127.0.0.1? See more with: POSTERN_DEBUG=1 postern demo',
    exit: EXIT.unreachable,
  },
});
