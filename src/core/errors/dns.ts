import { EXIT, defineErrors } from './definition.ts';

/** What can go wrong with the records of the published names. */
export const dnsErrors = defineErrors({
  DNS_CONFIG_INCOMPLETE: {
    what: '`dns.provider: {provider}` needs {missing}',
    remedy: 'Add it to postern.yaml; docs/config.md lists the keys below `dns`.',
    exit: EXIT.usage,
  },
  DNS_NAME_INVALID: {
    what: 'This cannot be the name of a record: {name}',
    remedy: 'Correct it in postern.yaml: letters, digits, hyphens, dots.',
    exit: EXIT.usage,
  },
  DNS_TOKEN_REFUSED: {
    what: '{provider} refuses the credentials: {reason}',
    remedy: 'Make new ones that may edit the records of {zone}, and put them where `dns.token` points to.',
    exit: EXIT.denied,
  },
  DNS_TOKEN_TOO_WEAK: {
    what: 'The credentials for {provider} may read {zone} and not change it',
    remedy: '{remedy}',
    exit: EXIT.denied,
  },
  DNS_ZONE_UNKNOWN: {
    what: '{where} has no zone that {name} could be in',
    remedy:
      'Is the domain there, and may the credentials see it? Or name the zone by `dns.zone` in postern.yaml.',
    exit: EXIT.failed,
  },
  DNS_UNREACHABLE: {
    what: '{provider} cannot be reached: {reason}',
    remedy: 'Look at the network of this machine, and try again.',
    exit: EXIT.unreachable,
  },
  DNS_RATE_LIMITED: {
    what: '{provider} takes no more requests for {seconds} s',
    remedy: 'Wait that long, and run the same command again: it goes on where it stopped.',
    exit: EXIT.unreachable,
  },
  DNS_ANSWER_ODD: {
    what: '{provider} answered what cannot be understood: {reason}',
    remedy:
      'Try again. When it stays, its interface has changed: set `dns.provider: manual` until it is mended.',
    exit: EXIT.failed,
  },
  DNS_RECORD_REFUSED: {
    what: '{provider} refuses the record {record}: {reason}',
    remedy: 'Change what it names, or set the record by hand with `dns.provider: manual`.',
    exit: EXIT.failed,
  },
  DNS_RECORD_CONFLICT: {
    what: '{name} cannot hold {record}: {reason}',
    remedy: 'Remove what is there, or choose another name; a CNAME stands alone.',
    exit: EXIT.failed,
  },
  DNS_RECORD_CHANGED: {
    what: 'The record {record} of {name} changed while Postern was at work, so it was left alone',
    remedy: 'Look who else changes it, then: postern plan',
    exit: EXIT.failed,
  },
  DNS_NOT_VISIBLE: {
    what: '{record} is not at every authoritative server of {name} after {seconds} s: {missing}',
    remedy:
      'Look at the zone at your DNS provider, then run the same command again: it goes on where it stopped.',
    exit: EXIT.unreachable,
  },
  DNS_LOOKUP_FAILED: {
    what: '{name} could not be looked up: {reason}',
    remedy: 'Look at the network of this machine: dig SOA {name}',
    exit: EXIT.unreachable,
  },
  DNS_NSUPDATE_MISSING: {
    what: 'There is no nsupdate program on this machine, and `dns.provider: rfc2136` needs it',
    remedy: 'Install it (Debian, Ubuntu: apt install bind9-dnsutils), or set `dns.provider: manual`.',
    exit: EXIT.failed,
  },
  DNS_ACCOUNT_URL_UNSAFE: {
    what: 'The account URL of the certificate authority cannot stand in a CAA record: {url}',
    remedy: 'Look at `acme.directory` in postern.yaml.',
    exit: EXIT.failed,
  },
});
