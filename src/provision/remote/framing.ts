import type { RemoteScript, ShellResult } from './shell.ts';
import { quoteForShell } from './quote.ts';

/**
 * How one `sh -s` is asked many things. Home writes the prologue once, then for each request a call of its function
 * with quoted words; the answer is one line, then exactly as many bytes as the line says:
 *
 *   <mark> answer NUMBER STATUS STDOUT-BYTES STDERR-BYTES
 *
 * The mark is random for each connection, so that a greeting of the login shell or the output of a script is never
 * taken for an answer.
 */

/** Bytes kept of each stream of a script. */
export const OUTPUT_BYTES_MOST = 4 * 1024 * 1024;

/** Bytes of chatter (a greeting, a profile) before the first word of ours. */
const CHATTER_BYTES_MOST = 64 * 1024;

/**
 * A request's script runs in a subshell with no input, so it can neither eat the next request nor change what it sees.
 * A hang-up lets the running request come to its end: a step is done or not begun.
 */
const PROLOGUE = `umask 077
trap '' HUP PIPE
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TZ=UTC0
export PATH LC_ALL TZ
unset IFS ENV CDPATH
postern_mark=$1 postern_most=$2
postern_out=$(mktemp -d /tmp/postern.XXXXXXXXXX) || exit 73
trap 'rm -rf "$postern_out"' EXIT
postern_request() {
  postern_number=$1 postern_script=$2
  shift 2
  ( eval "$postern_script" ) </dev/null >"$postern_out/1" 2>"$postern_out/2"
  postern_status=$?
  for postern_stream in 1 2; do
    head -c "$postern_most" "$postern_out/$postern_stream" >"$postern_out/$postern_stream.cut"
  done
  echo "$postern_mark answer $postern_number $postern_status $(($(wc -c <"$postern_out/1.cut"))) $(($(wc -c <"$postern_out/2.cut")))"
  cat "$postern_out/1.cut" "$postern_out/2.cut"
}
echo "$postern_mark ready $(id -u)"
`;

/** The first text for `sh -s`. */
export function prologueText(mark: string): string {
  return `set -- ${quoteForShell(mark)} ${OUTPUT_BYTES_MOST}\n${PROLOGUE}`;
}

/** One request, as the text that `sh -s` reads. */
export function requestText(number: number, script: RemoteScript, args: readonly string[]): string {
  const words = [String(Math.trunc(number)), script.text, ...args].map(quoteForShell);
  return `postern_request ${words.join(' ')}\n`;
}

export type Frame =
  | { readonly kind: 'ready'; readonly userId: number }
  | { readonly kind: 'answer'; readonly number: number; readonly result: ShellResult };

/** Reads what comes back. Throws on anything that is not in the protocol; the connection is then of no more use. */
export class FrameReader {
  readonly #mark: string;
  #bytes: Buffer = Buffer.alloc(0);
  #isReady = false;

  constructor(mark: string) {
    this.#mark = mark;
  }

  /** @throws RangeError */
  push(chunk: Buffer): Frame[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    return this.#isReady ? this.#nextAnswer() : this.#findReady();
  }

  #findReady(): Frame | undefined {
    for (let end = this.#bytes.indexOf(10); end >= 0; end = this.#bytes.indexOf(10)) {
      const line = this.#bytes.subarray(0, end).toString('latin1');
      this.#bytes = this.#bytes.subarray(end + 1);
      // A greeting without a line end stands before the mark.
      const match = /ready ([0-9]{1,10})$/.exec(line);
      if (!match || !line.endsWith(`${this.#mark} ${match[0]}`)) continue;
      this.#isReady = true;
      return { kind: 'ready', userId: Number(match[1]) };
    }
    if (this.#bytes.length > CHATTER_BYTES_MOST)
      throw new RangeError('it says too much before the first answer');
    return undefined;
  }

  #nextAnswer(): Frame | undefined {
    const end = this.#bytes.indexOf(10);
    if (end < 0) {
      if (this.#bytes.length > 200) throw new RangeError('its answer does not begin as agreed');
      return undefined;
    }
    const head = this.#parseHead(this.#bytes.subarray(0, end).toString('latin1'));
    const [outAt, errAt, nextAt] = [end + 1, end + 1 + head.out, end + 1 + head.out + head.err];
    if (this.#bytes.length < nextAt) return undefined;
    const result = {
      status: head.status,
      stdout: this.#bytes.subarray(outAt, errAt).toString('utf8'),
      stderr: this.#bytes.subarray(errAt, nextAt).toString('utf8'),
    };
    this.#bytes = Buffer.from(this.#bytes.subarray(nextAt));
    return { kind: 'answer', number: head.number, result };
  }

  #parseHead(line: string): { number: number; status: number; out: number; err: number } {
    const match = /^(\S+) answer (\d{1,9}) (\d{1,3}) (\d{1,9}) (\d{1,9})$/.exec(line);
    const [number, status, out, err] = (match?.slice(2) ?? []).map(Number);
    const isAgreed =
      match?.[1] === this.#mark &&
      (out ?? Infinity) <= OUTPUT_BYTES_MOST &&
      (err ?? Infinity) <= OUTPUT_BYTES_MOST;
    if (!isAgreed) throw new RangeError('its answer does not begin as agreed');
    return { number: number as number, status: status as number, out: out as number, err: err as number };
  }
}
