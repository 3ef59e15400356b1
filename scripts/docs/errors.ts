import { ERRORS, EXIT, type ErrorDefinition } from '../../src/core/errors/index.ts';

const MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  fine: 'it worked',
  failed: 'it failed',
  changesPending: 'it worked, and changes are pending',
  usage: 'the command line or the configuration is wrong',
  unreachable: 'something that is needed does not answer',
  denied: 'refused, because it would not be safe or is not allowed',
};

/** docs/errors.md: every entry of the catalogue. */
export function renderErrors(): string {
  return [
    '# Errors',
    '',
    'Every error that Postern can report, with what to do about it. Made from the catalogue in `src/core/errors/` by',
    '`npm run docs`; a test fails when the two differ. With `--json` the same stands in `error.code`, `error.what`,',
    '`error.remedy` and `error.exit`. `{words}` are filled in when it happens.',
    '',
    '## Exit status',
    '',
    '| status | meaning |',
    '| --- | --- |',
    ...Object.entries(EXIT).map(([name, status]) => `| ${status} | ${MEANING[name as keyof typeof EXIT]} |`),
    '',
    ...[...groupByArea()].flatMap(([area, entries]) => [`## ${area}`, '', ...entries.flatMap(renderEntry)]),
  ].join('\n');
}

function renderEntry([code, { what, remedy, exit }]: readonly [string, ErrorDefinition]): string[] {
  return [
    `### ${code}`,
    '',
    `${escape(what)}.`,
    '',
    `- What to do: ${escape(remedy)}`,
    `- Exit status: ${exit}`,
    '',
  ];
}

/** The part before the first `_` of a code, in the order of the catalogue. */
function groupByArea(): Map<string, (readonly [string, ErrorDefinition])[]> {
  return Map.groupBy(Object.entries<ErrorDefinition>(ERRORS), ([code]) => code.split('_')[0] ?? code);
}

/** Markdown must not read `<…>` as HTML, `*` or `_` as emphasis. */
function escape(text: string): string {
  return text.replaceAll(/[<*_]/g, (sign) => `\\${sign}`);
}
