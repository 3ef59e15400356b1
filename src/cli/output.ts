import { EXIT, PosternError, isPosternError } from '../core/errors/index.ts';
import { printable } from '../core/printable.ts';

/** Of an error's text, UTF-16 units. */
const LONGEST_LINE = 4000;

/** Results go to stdout, everything else to stderr. */
export function printResult(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printNote(text: string): void {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
}

/**
 * Says what went wrong and what to do.
 * @returns the exit status of the error
 */
export function printError(thrown: unknown, asJson: boolean): number {
  const error = isPosternError(thrown)
    ? thrown
    : new PosternError(
        'INTERNAL',
        { reason: thrown instanceof Error ? thrown.message : String(thrown) },
        thrown,
      );
  if (asJson) printResult(JSON.stringify({ error }));
  else
    printNote(
      `postern: ${readable(asSentence(error.message))}\n  ${readable(error.remedy)}\n  [${error.code}]`,
    );
  if (process.env['POSTERN_DEBUG'] && thrown instanceof Error) printNote(thrown.stack ?? '');
  return error.exit;
}

/** Values from a relay or a file may stand in an error: no terminal obeys them. Lines stay lines. */
function readable(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line, LONGEST_LINE))
    .join('\n');
}

/** The catalogue's sentences have no final stop; texts of other programs may have one. */
function asSentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

/** `postern logs -f | head`: who printed for a reader that is gone has nothing more to do. */
export function endWhenNobodyReads(): void {
  process.stdout.on('error', onLostReader);
  process.stderr.on('error', onLostReader);
}

/** A daemon outlives its terminal. */
export function goOnWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.off('error', onLostReader);
    stream.on('error', () => {});
  }
}

function onLostReader(): void {
  process.exit(EXIT.fine);
}
