import { EXIT, defineErrors } from './definition.ts';

export const relayErrors = defineErrors({
  RELAY_FILES_EXIST: {
    what: '{path} is there already and differs',
    remedy: 'Choose an empty folder with --out DIR.',
    exit: EXIT.failed,
  },
});
