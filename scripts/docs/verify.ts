import {
  type CheckDefinition,
  CHECK_LIST,
  type CheckCode,
  type Vantage,
} from '../../src/verify/catalogue.ts';

const PLACES: Readonly<Record<Vantage, string>> = {
  public: 'As a visitor',
  home: 'On this machine',
  'relay-root': 'On the relay, as root',
};

const NOTES: Readonly<Record<Vantage, string>> = {
  public:
    'Requests to the relay where visitors arrive, with the names of the configuration; without a session, without a secret. The running daemon tries these every hour too.',
  home: 'Nothing leaves this machine.',
  'relay-root':
    'Only with `--relay-root`: one login as `relay.user`. The daemon owns no key that can run anything on the relay, so it never looks there; `postern verify` says when somebody last did. Without it these are "not looked at", which is no good sign and no bad one.',
};

/** docs/verify.md: every wrong door that `postern verify` tries. */
export function renderVerify(): string {
  return [
    '# postern verify',
    '',
    '`postern verify [NAME]` tries every known wrong door and must be refused at each. This list is made from the catalogue in',
    '`src/verify/catalogue.ts` by `npm run docs`; a test fails when the two differ.',
    '',
    'Each check ends as **shut**, **OPEN**, **could not look**, **not looked at** (it needs more than was asked for), **skipped**',
    '(what it needs first did not hold, so it would say nothing) or **no such door** (not in this configuration). With `--json`',
    'every check has its requests, the answers (status and a few fields, never a body or a secret) and the time. Exit status:',
    '0 every door is shut, 1 one is open, 69 it could not look.',
    '',
    'A service whose login does not hold is **shut** by the running daemon at once: everybody who would be let in gets 503.',
    'The daemon looks again every few seconds and opens it when the login holds; `postern up` starts afresh. A service with',
    '`auth: none` is told as open and stays as its owner wants it.',
    '',
    'At the end stand the six layers of each service, each on, off, not applicable or not looked at, with the evidence: key',
    'and certificate at home; cipher and host key of the link; login; gateway pairing (loopback guard); gateway token; nothing',
    'on the relay.',
    '',
    ...(Object.keys(PLACES) as Vantage[]).flatMap((vantage) => [
      `## ${PLACES[vantage]}`,
      '',
      NOTES[vantage],
      '',
      ...CHECK_LIST.filter((check) => check.vantage === vantage).flatMap(renderCheck),
    ]),
  ].join('\n');
}

function renderCheck(check: CheckDefinition & { readonly code: CheckCode }): string[] {
  return [
    `### ${check.code}`,
    '',
    `${check.title[0]?.toUpperCase()}${check.title.slice(1)}.`,
    '',
    `- Tried: ${check.tries}`,
    `- Must happen: ${check.mustHappen}`,
    `- Severity: ${check.severity}`,
    `- Looked at: ${check.scope === 'home' ? 'once' : 'for each service'}`,
    ...(check.needs.length === 0 ? [] : [`- Needs first: ${check.needs.join(', ')}`]),
    `- What to do: ${check.remedy}`,
    '',
  ];
}
