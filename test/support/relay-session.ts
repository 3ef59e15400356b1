import { type Lane, sessionCommandOf, socketOf } from '../../src/core/relay-layout.ts';
import type { ChildHandle } from '../../src/platform/processes.ts';
import type { Lab } from './relay.ts';
import { waitFor } from './wait-for.ts';

/** One ssh connection as the link makes it, with a heartbeat, and nothing of the link's own care. */
export interface TestSession {
  readonly child: ChildHandle;
  /** Everything that the session script has said. */
  heard(): string;
  /** Everything that ssh has said. */
  complaints(): string;
  say(line: string): void;
  stopHeartbeat(): void;
}

export interface SessionOptions {
  readonly slot: number;
  /** Where visitors end at home. */
  readonly localPort: number;
  readonly lane?: Lane;
  readonly beats?: boolean;
}

/** Resolves when the session has said hello: its socket is bound by then. */
export async function openSession(lab: Lab, options: SessionOptions): Promise<TestSession> {
  const { slot, localPort, lane = 'tls', beats = true } = options;
  const forward = `${socketOf(lab.home, slot, lane)}:127.0.0.1:${localPort}`;
  const child = lab.spawn('home', 'ssh', [
    ...lab.sshArgs(),
    '-o',
    'ExitOnForwardFailure=yes',
    '-R',
    forward,
    `${lab.account}@${lab.relay.host}`,
    sessionCommandOf(slot),
  ]);
  const [heard, complaints] = [collect(child.stdout), collect(child.stderr)];
  let count = 0;
  const say = (line: string): void => void child.stdin.write(`${line}\n`);
  const timer = setInterval(() => beats && say(`h beat-${++count}`), 1000);
  timer.unref();
  void child.ended.then(() => clearInterval(timer));
  await waitFor('the session says hello', 10_000, () => heard().includes('postern 1 slot')).catch((error) => {
    throw new Error(complaints(), { cause: error });
  });
  return { child, heard, complaints, say, stopHeartbeat: () => clearInterval(timer) };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  return () => text;
}
