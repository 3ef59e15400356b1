import { EXIT, defineErrors } from './definition.ts';

export const acmeErrors = defineErrors({
  ACME_TERMS_NOT_AGREED: {
    what: '{service} gets its certificate from {directory}, whose terms nobody has agreed to yet',
    remedy: 'Read them, then write agreeTos: true below acme: in postern.yaml.',
    exit: EXIT.usage,
  },
  ACME_UNREACHABLE: {
    what: 'The certificate authority does not answer at {url}: {reason}',
    remedy:
      'Postern tries again by itself, and the certificate in use goes on. Is it in trouble? See its status page.',
    exit: EXIT.unreachable,
  },
  ACME_REFUSED: {
    what: 'The certificate authority refused: {reason}',
    remedy:
      'Correct what it names (acme: in postern.yaml, or the DNS records of the name), then: postern cert renew',
    exit: EXIT.failed,
  },
  ACME_RATE_LIMITED: {
    what: 'The certificate authority lets nobody ask that often: {reason}',
    remedy: 'Postern asks again when it may. See when: postern cert status',
    exit: EXIT.failed,
  },
  ACME_NOT_PROVEN: {
    what: 'The certificate authority could not see that {service} is ours: {reason}',
    remedy: 'Does the name lead to the relay (A and AAAA records), and does the link stand? postern status',
    exit: EXIT.failed,
  },
  ACME_ANSWER_ODD: {
    what: 'The certificate authority answered {url} in a way that RFC 8555 does not know: {reason}',
    remedy: 'Is acme.directory in postern.yaml the URL of an ACME directory?',
    exit: EXIT.failed,
  },
  ACME_NO_WAY_TO_PROVE: {
    what: 'The certificate authority offers no {challenge} for {service}',
    remedy: 'Choose another way with acme.challenge in postern.yaml.',
    exit: EXIT.failed,
  },
  ACME_CERTIFICATE_UNUSABLE: {
    what: 'The certificate authority issued a certificate for {service} that cannot be used: {reason}',
    remedy: 'The one in use goes on. Is the clock of this machine right?',
    exit: EXIT.failed,
  },
  ACME_FILE_UNUSABLE: {
    what: '{path} cannot be used: {reason}',
    remedy: 'It belongs to Postern: put it right, or move it away so that a new one is made.',
    exit: EXIT.failed,
  },
  ACME_LOGIN_OFF: {
    what: 'No certificate is asked for {service}: nobody could sign in, and certificates make a name known to everybody',
    remedy: 'postern users add NAME',
    exit: EXIT.denied,
  },
  ACME_LINK_DOWN: {
    what: 'The certificate authority could not reach {service}: no connection to the relay is up',
    remedy: 'Postern asks as soon as one is. postern status',
    exit: EXIT.unreachable,
  },
  ACME_NAME_NOT_OURS: {
    what: '{service} gets no certificate by ACME here',
    remedy: 'See the names that do: postern cert status',
    exit: EXIT.usage,
  },
  ACME_NO_CERTIFICATE: {
    what: '{service} has no certificate yet, so nobody can visit it: {reason}',
    remedy: 'See when Postern tries again: postern cert status. At once: postern cert renew {service}',
    exit: EXIT.failed,
  },
  ACME_RENEWAL_LATE: {
    what: 'The certificate of {service} ends on {date} and could not be renewed: {reason}',
    remedy: 'See what failed: postern cert status. Try at once: postern cert renew {service}',
    exit: EXIT.failed,
  },
});
