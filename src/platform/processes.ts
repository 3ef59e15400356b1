import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { PassThrough, type Readable, type Writable } from 'node:stream';

/** How a process ended: its status, or the signal that killed it, or why it never started (`ENOENT`, `EACCES`). */
export interface ProcessEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly startError?: string;
}

/** A running child process with piped standard streams. */
export interface ChildHandle {
  /** `undefined` when it could not be started. */
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<ProcessEnd>;
  kill(signal?: NodeJS.Signals): boolean;
}

export interface SpawnOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/**
 * Starts a program, never through a shell.
 * @param file program name (searched in PATH) or path
 * @param args its arguments, as they are; never a secret
 */
export function spawnProcess(file: string, args: readonly string[], options: SpawnOptions = {}): ChildHandle {
  const child = spawn(file, [...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
    ...(options.env ? { env: options.env } : {}),
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ status: null, signal: null, startError: error.code ?? 'EUNKNOWN' }),
    );
    child.once('close', (status, signal) => resolve({ status, signal }));
  });
  const { stdin, stdout, stderr } = streamsOf(child);
  // A reader that is gone is no reason for us to go: the end of the process says what happened.
  stdin.on('error', () => {});
  return {
    pid: child.pid,
    stdin,
    stdout,
    stderr,
    ended,
    kill: (signal = 'SIGTERM') => child.kill(signal),
  };
}

/** Node makes no streams when it has run out of file descriptors (EMFILE, ENFILE), whatever its types say. */
function streamsOf(child: Partial<ChildProcess>): Pick<ChildHandle, 'stdin' | 'stdout' | 'stderr'> {
  const empty = (): PassThrough => new PassThrough().end() as PassThrough;
  return {
    stdin: child.stdin ?? empty(),
    stdout: child.stdout ?? empty(),
    stderr: child.stderr ?? empty(),
  };
}

export interface RunResult extends ProcessEnd {
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions extends SpawnOptions {
  /** Written to its standard input; secrets go here, never into `args`. */
  readonly input?: string | Uint8Array;
  /** The process is killed after this long. Default 30 000. */
  readonly timeoutMs?: number;
  /** Bytes kept of each stream. Default 1 MiB; what is over is dropped. */
  readonly maxOutputBytes?: number;
}

/** Runs a program to its end and returns what it printed. Never rejects: the result says how it ended. */
export async function runProcess(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawnProcess(file, args, options);
  const keepBytes = options.maxOutputBytes ?? 1024 * 1024;
  const stdout = collect(child.stdout, keepBytes);
  const stderr = collect(child.stderr, keepBytes);
  child.stdin.end(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 30_000);
  const end = await child.ended;
  clearTimeout(timer);
  return { ...end, stdout: stdout(), stderr: stderr() };
}

function collect(stream: Readable, keepBytes: number): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    if (bytes < keepBytes) chunks.push(chunk.subarray(0, keepBytes - bytes));
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

/** A process by number *and* start time, so that a number given again to another process is not mistaken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** As the system prints it; only ever compared. */
  readonly startedAt: string;
}

/** Who `pid` is now; `undefined` when there is no such process. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const startedAt = process.platform === 'linux' ? await linuxStartTime(pid) : await psStartTime(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Is this very process still there? */
export async function isSameProcess(identity: ProcessIdentity): Promise<boolean> {
  return (await identifyProcess(identity.pid))?.startedAt === identity.startedAt;
}

/** Field 22 of /proc/PID/stat (proc(5)), counted after the last `)`: the name before it may hold anything. */
async function linuxStartTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${await bootId()} ${fields[19]}`;
  } catch {
    return undefined;
  }
}

/** Start times count from the boot: without it a number of before the last reboot could be taken for one of today. */
async function bootId(): Promise<string> {
  knownBootId ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
  return knownBootId;
}

let knownBootId: Promise<string> | undefined;

async function psStartTime(pid: number): Promise<string | undefined> {
  if (process.platform === 'win32') return windowsStartTime(pid);
  const { status, stdout } = await runProcess('ps', ['-o', 'lstart=', '-p', String(pid)], {
    env: { ...process.env, LC_ALL: 'C' },
  });
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

async function windowsStartTime(pid: number): Promise<string | undefined> {
  const query = `(Get-Process -Id ${Math.trunc(pid)} -ErrorAction Stop).StartTime.ToFileTimeUtc()`;
  const { status, stdout } = await runProcess('powershell.exe', [
    '-NoProfile',
    '-NonInteractive',
    '-Command',
    query,
  ]);
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}
