import { readFile } from 'node:fs/promises';
import {
  type ChildHandle,
  type RunOptions,
  type RunResult,
  runProcess,
  spawnProcess,
} from '../../src/platform/processes.ts';

/**
 * Linux namespaces for tests. A namespace here has no name and no file: it lives as long as its first process,
 * which reads our standard input and ends with it. So whatever way the test ends, kill -9 included, the kernel
 * removes everything: processes, mounts, interfaces, addresses, rules.
 */

const dead = new Set<() => void>();
process.once('exit', () => {
  for (const kill of dead) kill();
});

export class Namespace {
  readonly #holder: ChildHandle;
  readonly #entry: readonly string[];
  /** The first process inside, as the machine counts; `/proc/PID/root` is its file tree. */
  readonly pid: number;

  private constructor(holder: ChildHandle, pid: number, entry: readonly string[]) {
    this.#holder = holder;
    this.pid = pid;
    this.#entry = entry;
  }

  /**
   * @param unshareFlags which namespaces, as unshare(1) calls them
   * @param nsenterFlags how to come in again, as nsenter(1) calls them
   * @param script sh text run as the first process; prints `ready` when it is set up, then waits for the end of its input
   */
  static async start(
    unshareFlags: readonly string[],
    nsenterFlags: readonly string[],
    script: string,
    args: readonly string[] = [],
  ): Promise<Namespace> {
    const holder = spawnProcess('unshare', [
      ...unshareFlags,
      '--fork',
      '--kill-child',
      'sh',
      '-c',
      script,
      'sh',
      ...args,
    ]);
    const killHolder = (): void => void holder.kill('SIGKILL');
    dead.add(killHolder);
    void holder.ended.then(() => dead.delete(killHolder));
    await waitForLine(holder, 'ready');
    const children = await readFile(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8');
    const pid = Number(children.trim().split(' ')[0]);
    return new Namespace(holder, pid, ['-t', String(pid), ...nsenterFlags, '--']);
  }

  run(file: string, args: readonly string[], options?: RunOptions): Promise<RunResult> {
    return runProcess('nsenter', [...this.#entry, file, ...args], options);
  }

  spawn(file: string, args: readonly string[]): ChildHandle {
    return spawnProcess('nsenter', [...this.#entry, file, ...args]);
  }

  /** Ends everything inside. May be called any number of times. */
  async stop(): Promise<void> {
    try {
      if (this.pid > 0) process.kill(this.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
    this.#holder.stdin.end();
    await this.#holder.ended;
  }
}

function waitForLine(child: ChildHandle, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const onData = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.split('\n').includes(line)) resolve();
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
    void child.ended.then((end) =>
      reject(
        new Error(
          `the namespace did not come up (${end.startError ?? end.status}; root is needed):\n${said}`,
        ),
      ),
    );
  });
}

/** Runs a program that has to succeed. */
export async function must(result: Promise<RunResult>): Promise<string> {
  const { status, signal, startError, stdout, stderr } = await result;
  if (status !== 0) throw new Error(`ended with ${startError ?? signal ?? status}: ${stderr}${stdout}`);
  return stdout;
}
