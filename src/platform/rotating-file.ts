import { closeSync, fstatSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import type { Clock, Timer } from '../core/clock.ts';

export interface RotatingFileOptions {
  readonly path: string;
  /** The file is set aside as `PATH.1` when it has grown over this. */
  readonly maxBytes: number;
  /** Files in all: `PATH`, `PATH.1` … */
  readonly files: number;
  readonly clock: Clock;
}

/** Lines wait this long to be written together: a busy edge writes one for each request. */
const FLUSH_MS = 100;
const MAX_WAITING_BYTES = 64 * 1024;

/**
 * A text file that only grows at its end and is set aside by size. Two processes may write to it (an old daemon and
 * its successor): lines are appended whole, and who finds that the name leads to another file opens that one.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #descriptor: number | undefined;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #timer: Timer | undefined;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** Takes one line with its line end. */
  write(line: string): void {
    this.#waiting.push(line);
    this.#waitingBytes += Buffer.byteLength(line);
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.flush();
    else this.#timer ??= this.#options.clock.after(FLUSH_MS, () => this.flush());
  }

  /** Writes what waits. A full disk loses lines, never the program. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#waitingBytes = 0;
    try {
      writeSync(this.#current(Buffer.byteLength(text)), text);
    } catch {
      this.#closeDescriptor();
    }
  }

  close(): void {
    this.flush();
    this.#closeDescriptor();
  }

  /** The open file, set aside first when `moreBytes` would not fit. */
  #current(moreBytes: number): number {
    if (this.#descriptor !== undefined && !this.#isStillNamed(this.#descriptor)) this.#closeDescriptor();
    this.#descriptor ??= openSync(this.#options.path, 'a', 0o600);
    const { size } = fstatSync(this.#descriptor);
    if (size > 0 && size + moreBytes > this.#options.maxBytes) {
      this.#closeDescriptor();
      this.#setAside();
      this.#descriptor = openSync(this.#options.path, 'a', 0o600);
    }
    return this.#descriptor;
  }

  #isStillNamed(descriptor: number): boolean {
    try {
      return statSync(this.#options.path).ino === fstatSync(descriptor).ino;
    } catch {
      return false;
    }
  }

  #setAside(): void {
    const { path, files } = this.#options;
    rmSync(`${path}.${files - 1}`, { force: true });
    for (let number = files - 2; number >= 0; number--) {
      try {
        renameSync(number === 0 ? path : `${path}.${number}`, `${path}.${number + 1}`);
      } catch {
        // That number has not been used yet.
      }
    }
  }

  #closeDescriptor(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
