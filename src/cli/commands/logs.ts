import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { LOG_FILE, LOG_FILES } from '../../daemon/log-files.ts';
import { readBoundedFile } from '../../platform/files.ts';
import { followFile } from '../../platform/follow-file.ts';
import { homeFolder } from '../../platform/home-folder.ts';
import { printNote, printResult } from '../output.ts';
import { paintFor } from '../paint.ts';
import { renderLogLine } from '../render-log.ts';

interface Options {
  readonly follow?: boolean;
  readonly json?: boolean;
  readonly lines: number;
}

const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** `postern logs`: what the daemon wrote down; no daemon has to run. */
export function define(command: Command): void {
  command
    .option('-f, --follow', 'go on with what is added, until Ctrl-C')
    .option('-n, --lines <number>', 'how many of the last lines', readNumber, 100)
    .option('--json', 'the lines as they are, one JSON object each')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
Examples:
  postern logs -f
  postern logs -n 1000 --json | jq 'select(.alert)'`;

function readNumber(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number.');
  return Number(text);
}

async function run({ follow = false, json = false, lines }: Options): Promise<void> {
  const path = join(homeFolder(process.env).log, LOG_FILE);
  const paint = paintFor(process.stdout, process.env);
  const show = (line: string): void => printResult(json ? line : renderLogLine(line, paint));
  const { last, endByte } = await readLast(path, lines);
  if (last.length === 0 && !follow) printNote('Nothing has been logged yet.');
  last.forEach(show);
  if (!follow) return;
  for await (const line of followFile(path, endByte)) show(line);
}

/** The last lines, from the set-aside files too where the present one has too few. */
async function readLast(path: string, wanted: number): Promise<{ last: string[]; endByte: number }> {
  const present = await readLines(path);
  let last = present.lines;
  for (let number = 1; number < LOG_FILES && last.length < wanted; number++) {
    last = [...(await readLines(`${path}.${number}`)).lines, ...last];
  }
  return { last: wanted === 0 ? [] : last.slice(-wanted), endByte: present.endByte };
}

/** Whole lines only; what stands behind the last line end is still being written. */
async function readLines(path: string): Promise<{ lines: string[]; endByte: number }> {
  const result = await readBoundedFile(path, { maxBytes: MAX_FILE_BYTES });
  if (!result.ok) return { lines: [], endByte: 0 };
  const endByte = result.file.bytes.lastIndexOf(0x0a) + 1;
  return { lines: result.file.bytes.subarray(0, endByte).toString('utf8').split('\n').slice(0, -1), endByte };
}
