import type { Action, Blocked, Change, Plan } from '../provision/contract.ts';
import type { LeftBehind } from '../provision/engine.ts';
import { printable } from '../core/printable.ts';
import type { Paint } from './paint.ts';
import { wrapText } from './text-layout.ts';

const WIDTH = 80;

const SIGNS: Readonly<Record<Action, string>> = { create: '+', update: '~', adopt: '~', remove: '-' };

/** A plan for people: what, why and the difference for each change, what is blocked and what to do about it. */
export function renderPlan(plan: Plan, paint: Paint): string {
  const { changes, blocked, used, unchanged, notes } = plan;
  const parts = [
    ...changes.map((change) => renderChange(change, paint)),
    ...blocked.map((one) => renderBlocked(one, paint)),
    ...used.map(({ resource, what }) =>
      [
        ...wrapHead(`  = used, not owned: ${what}`, resource, paint),
        '      It is there already; Postern leaves it.',
      ].join('\n'),
    ),
    ...notes.map((note) => wrapText(`Note: ${printable(note, 400)}`, WIDTH, '  ').join('\n')),
  ];
  const same = unchanged.length === 0 ? '' : `, ${unchanged.length} as wanted already`;
  const sum = `${count(changes.length, 'change')}, ${blocked.length} blocked${same}.`;
  return [`${paint.bold(`Plan for the relay ${plan.relay} (home ${plan.home})`)}`, ...parts, sum].join(
    '\n\n',
  );
}

function renderChange(change: Change, paint: Paint): string {
  const sign = `${SIGNS[change.action]} ${change.action}`;
  const head = `  ${change.action === 'create' ? paint.green(sign) : paint.yellow(sign)}: ${printable(change.what)}`;
  const risk = change.isRisky
    ? wrapText(
        'The relay takes it back by itself unless a new login proves that the way in works.',
        WIDTH,
        '      ',
      )
    : [];
  return [
    ...wrapHead(head, change.resource, paint),
    ...wrapText(printable(change.why, 400), WIDTH, '      '),
    ...risk,
    ...change.lines.map((line) => paint.dim(`        ${fit(line, WIDTH - 8)}`)),
  ].join('\n');
}

function renderBlocked({ resource, what, obstacles }: Blocked, paint: Paint): string {
  const lines = obstacles.flatMap((obstacle) => [
    ...wrapText(`${printable(obstacle.sentence, 500)}.`, WIDTH, '      '),
    ...obstacle.lines.map((line) => `        ${fit(line, WIDTH - 8)}`),
  ]);
  return [...wrapHead(`  ${paint.red('! blocked')}: ${printable(what)}`, resource, paint), ...lines].join(
    '\n',
  );
}

function wrapHead(head: string, resource: string, paint: Paint): string[] {
  return [`${head}  ${paint.dim(`[${resource}]`)}`];
}

/** Lines of files are shown as they are, and cut: a terminal obeys none of their characters. */
function fit(line: string, width: number): string {
  const text = printable(line, 400);
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

const REASONS: Readonly<Record<LeftBehind['reason'], string>> = {
  stays: 'stays (--packages takes it as well)',
  foreign: 'stays: somebody else has put something of their own there since',
  unknown: 'stays: this Postern does not know what it is',
};

/** What `undo` and `destroy` have left. */
export function renderLeft(left: readonly LeftBehind[]): readonly string[] {
  return left.map(({ what, reason }) => `${what}: ${REASONS[reason]}`);
}
