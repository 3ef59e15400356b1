import type { ChildHandle } from '../../src/platform/processes.ts';
import type { Host, Lab } from '../../test/support/relay.ts';

/** Starts the program, says its number, and ends it when our end of its input is gone: also when we are killed. */
const GUARD = `exec 3<&0; "$@" </dev/null 3<&- & pid=$!; echo "guarded $pid"
(cat <&3 >/dev/null 2>&1; kill "$pid" 2>/dev/null) & dog=$!
wait "$pid"; status=$?; kill "$dog" 2>/dev/null; exit $status`;

/** A program in one of the lab's namespaces that never outlives the benchmark. */
export interface Guarded {
  readonly pid: number;
  /** Everything that it has printed so far. */
  printed(): string;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>;
}

/**
 * @param until text that it prints when it is ready; without one it counts as ready at once
 * @throws when it ends before that, or takes longer than `timeoutMs`
 */
export async function startGuarded(
  lab: Lab,
  host: Host,
  file: string,
  args: readonly string[],
  { until, timeoutMs = 20_000 }: { until?: string; timeoutMs?: number } = {},
): Promise<Guarded> {
  const child = lab.spawn(host, 'sh', ['-c', GUARD, 'sh', file, ...args]);
  let text = '';
  const seen = waitForText(child, timeoutMs, (printed) => {
    text = printed;
    return /^guarded \d+$/m.test(printed) && (until === undefined || printed.includes(until));
  });
  await seen.catch((error: unknown) => {
    child.stdin.end();
    throw new Error(`${file} ${args.join(' ')}: ${(error as Error).message}\n${text}`);
  });
  return {
    pid: Number(/^guarded (\d+)$/m.exec(text)?.[1]),
    printed: () => text,
    stop: async () => {
      child.stdin.end();
      await child.ended;
    },
  };
}

function waitForText(
  child: ChildHandle,
  timeoutMs: number,
  isSeen: (printed: string) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const timer = setTimeout(() => reject(new Error(`not ready within ${timeoutMs} ms`)), timeoutMs);
    const onData = (chunk: Buffer): void => {
      printed += chunk.toString();
      if (!isSeen(printed)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
    void child.ended.then(() => {
      clearTimeout(timer);
      reject(new Error('it ended'));
    });
  });
}
