import { EXIT, defineErrors } from './definition.ts';

export const authErrors = defineErrors({
  AUTH_NO_USER: {
    what: 'Nobody could sign in: there is no user yet, so nothing is published',
    remedy: 'postern users add NAME',
    exit: EXIT.denied,
  },
});
