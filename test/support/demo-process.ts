import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { waitFor } from './wait-for.ts';

const BIN = fileURLToPath(new URL('../../bin/postern.js', import.meta.url));

/** What `postern demo --json` prints when it is ready. */
export interface DemoReady {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly ca: string;
}

export interface DemoProcessOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Default: this checkout's. */
  readonly bin?: string;
  /** A program and its arguments that run the rest of the line, such as nsenter(1). */
  readonly prefix?: readonly string[];
}

/** `postern demo` as its own process, as a person starts it. */
export class DemoProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  stdout = '';
  stderr = '';

  constructor({ args = [], env = {}, bin = BIN, prefix = [] }: DemoProcessOptions = {}) {
    const [file = '', ...rest] = [...prefix, process.execPath, bin, 'demo', ...args];
    this.child = spawn(file, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the demo could not be started');
    return this.child.pid;
  }

  /** Resolves with the object of `--json`. */
  async ready(): Promise<DemoReady> {
    const line = await waitFor('the demo is ready', 20_000, () => {
      if (this.child.exitCode !== null) throw new Error(`the demo ended: ${this.stdout}${this.stderr}`);
      return /^\{.*\}$/m.exec(this.stdout)?.[0];
    });
    return JSON.parse(line) as DemoReady;
  }

  /** @returns the exit status, or the signal's name */
  async end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      if (signal) this.child.kill(signal);
      await exited;
    }
    return this.child.exitCode ?? this.child.signalCode ?? 'SIGKILL';
  }
}
