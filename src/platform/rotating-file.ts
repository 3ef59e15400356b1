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
const MAX_BYTES_PER_CHARACTER = 3;

/**
 * A text file that only grows at its end and is set aside by size. Two processes may write to it (an old daemon and
 * its successor): lines are appended whole, and who finds that the name leads to another file opens that one.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #descriptor: number | undefined;
  /** Lines as bytes: strings that wait are copied about by the garbage collector. */
  readonly #waiting = Buffer.allocUnsafeSlow(MAX_WAITING_BYTES);
  #waitingBytes = 0;
  #timer: Timer | undefined;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** Takes one line with its line end. */
  write(line: string): void {
    const mostBytes = line.length * MAX_BYTES_PER_CHARACTER;
    if (mostBytes > MAX_WAITING_BYTES - this.#waitingBytes) this.flush();
    if (mostBytes > MAX_WAITING_BYTES) return this.#append(Buffer.from(line));
    this.#waitingBytes += this.#waiting.write(line, this.#waitingBytes);
    this.#timer ??= this.#options.clock.after(FLUSH_MS, () => this.flush());
  }

  /** Writes what waits. A full disk loses lines, never the program. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waitingBytes === 0) return;
    const bytes = this.#waiting.subarray(0, this.#waitingBytes);
    this.#waitingBytes = 0;
    this.#append(bytes);
  }

  #append(bytes: Uint8Array): void {
    try {
      writeSync(this.#current(bytes.length), bytes);
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
