import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { PosternError } from '../../core/errors/index.ts';
import { printable } from '../../core/printable.ts';
import { type ChildHandle, type ProcessEnd, spawnProcess } from '../../platform/processes.ts';
import { type Frame, FrameReader, prologueText, requestText } from './framing.ts';
import type { RemoteScript, Shell, ShellResult, ShellRunOptions } from './shell.ts';

const STDERR_BYTES_MOST = 64 * 1024;
const DEFAULT_TIMEOUT_MS = 60_000;

export interface ProcessShellOptions {
  /** A program whose standard input a POSIX `sh -s` reads. */
  readonly command: readonly [file: string, ...args: string[]];
  readonly clock: Clock;
  /** Until the shell says that it is there. */
  readonly openTimeoutMs: number;
  /** What its end means, when it came before the shell was there. */
  explainEnd(end: ProcessEnd, stderr: string): Error;
}

export interface OpenedShell {
  readonly shell: Shell;
  /** Who the scripts run as. */
  readonly userId: number;
}

/** Starts the program and waits for the shell behind it. @throws what `explainEnd` makes of its end */
export async function openProcessShell(options: ProcessShellOptions): Promise<OpenedShell> {
  const shell = new ProcessShell(options);
  try {
    return { shell, userId: await shell.ready() };
  } catch (error) {
    await shell.close();
    throw error;
  }
}

interface Waiting {
  readonly number: number;
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: Error) => void;
}

/** One program for the whole time; requests go through it one after the other. */
class ProcessShell implements Shell {
  readonly #child: ChildHandle;
  readonly #reader: FrameReader;
  readonly #options: ProcessShellOptions;
  #waiting: Waiting | undefined;
  #broken: Error | undefined;
  #isReady = false;
  #stderr = '';
  #count = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ProcessShellOptions) {
    this.#options = options;
    const mark = `postern-${randomBytes(16).toString('hex')}`;
    this.#reader = new FrameReader(mark);
    const [file, ...args] = options.command;
    this.#child = spawnProcess(file, args);
    this.#child.stdout.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('latin1')).slice(-STDERR_BYTES_MOST);
    });
    void this.#child.ended.then((end) => this.#onEnd(end));
    this.#child.stdin.write(prologueText(mark));
  }

  async ready(): Promise<number> {
    const frame = await this.#expect(0, this.#options.openTimeoutMs);
    if (frame.kind !== 'ready') throw lost('it answers before it is asked');
    this.#isReady = true;
    return frame.userId;
  }

  run(
    script: RemoteScript,
    args: readonly string[] = [],
    options: ShellRunOptions = {},
  ): Promise<ShellResult> {
    const next = this.#last.then(async () => {
      const number = ++this.#count;
      const text = requestText(number, script, args);
      if (this.#broken === undefined) this.#child.stdin.write(text);
      const frame = await this.#expect(number, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      if (frame.kind !== 'answer') throw this.#break(lost('it begins anew'));
      return frame.result;
    });
    this.#last = next.catch(() => {});
    return next;
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    const timer = this.#options.clock.after(2000, () => this.#child.kill('SIGKILL'));
    await this.#child.ended;
    timer.cancel();
  }

  #expect(number: number, timeoutMs: number): Promise<Frame> {
    return new Promise<Frame>((resolve, reject) => {
      if (this.#broken !== undefined) return reject(this.#broken);
      const timer = this.#options.clock.after(timeoutMs, () => {
        this.#break(lost(`no answer within ${Math.round(timeoutMs / 1000)} s`));
      });
      this.#waiting = {
        number,
        resolve: (frame) => (timer.cancel(), resolve(frame)),
        reject: (error) => (timer.cancel(), reject(error)),
      };
    });
  }

  #onData(chunk: Buffer): void {
    if (this.#broken !== undefined) return;
    try {
      for (const frame of this.#reader.push(chunk)) {
        const waiting = this.#waiting;
        const number = frame.kind === 'ready' ? 0 : frame.number;
        if (waiting?.number !== number) throw new RangeError('it answers what it was not asked');
        this.#waiting = undefined;
        waiting.resolve(frame);
      }
    } catch (error) {
      this.#break(lost((error as Error).message, error));
    }
  }

  #onEnd(end: ProcessEnd): void {
    const words = printable(this.#stderr.trim().split('\n').at(-1) ?? '', 200);
    const how = words || (end.startError ?? end.signal ?? `it ended with status ${end.status}`);
    this.#break(this.#isReady ? lost(how) : this.#options.explainEnd(end, this.#stderr));
  }

  #break(error: Error): Error {
    this.#broken ??= error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#broken);
    this.#child.kill('SIGKILL');
    return this.#broken;
  }
}

function lost(reason: string, cause?: unknown): PosternError {
  return new PosternError('PROVISION_SHELL_LOST', { reason }, cause);
}
