import { confirm, isCancel, password } from '@clack/prompts';
import { PosternError } from '../core/errors/index.ts';

const STDIN_BYTES_MOST = 64 * 1024;

/**
 * A new password: typed twice without showing it, or the first line of standard input. Never an argument, which every
 * user of the machine could read.
 * @returns `undefined` when it was left empty: four random words are wanted
 * @throws AUTH_PASSWORD_NOT_ASKED, AUTH_PASSWORD_DIFFERS
 */
export async function askNewPassword(fromStdin: boolean): Promise<string | undefined> {
  if (fromStdin) return emptyAsNone(await readFirstLine());
  if (!process.stdin.isTTY) throw new PosternError('AUTH_PASSWORD_NOT_ASKED');
  const first = await askHidden('Password (empty: four random words)');
  if (first === undefined) return undefined;
  if ((await askHidden('Once more')) !== first) throw new PosternError('AUTH_PASSWORD_DIFFERS');
  return first;
}

/** Asks yes or no; where nobody can be asked, the answer is no. */
export async function askYes(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  return (await confirm({ message: question, initialValue: false, output: process.stderr })) === true;
}

async function askHidden(message: string): Promise<string | undefined> {
  const answer = await password({ message, mask: ' ', output: process.stderr });
  if (isCancel(answer)) throw new PosternError('AUTH_PASSWORD_NOT_ASKED');
  return emptyAsNone(answer);
}

/** A prompt that was left empty gives nothing at all. */
function emptyAsNone(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

async function readFirstLine(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > STDIN_BYTES_MOST) break;
    chunks.push(chunk);
    if (chunk.includes(10)) break;
  }
  return Buffer.concat(chunks).toString('utf8').split(/\r?\n/, 1)[0] ?? '';
}
