// Visitors before, during and after a fault: a GET every `intervalMs`, whatever became of the ones before.
// They behave as a browser does: a few kept connections in turns, 5 s of patience, and a GET whose *kept* connection
// ended before an answer is sent once more on a new one (RFC 9110, 9.2.2). Prints a line for each request as it ends:
// start and end (milliseconds since 1970), and what went wrong, if anything.
import type { ClientRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { type Goal, readArgument } from './goal.ts';

const { goal, intervalMs, keptConnections } = readArgument<{
  goal: Goal;
  intervalMs: number;
  keptConnections: number;
}>();
const PATIENCE_MS = 5000;

const agent = new Agent({
  keepAlive: true,
  scheduling: 'fifo',
  maxFreeSockets: keptConnections,
  rejectUnauthorized: false,
  servername: goal.name,
});

const nowMs = (): number => performance.timeOrigin + performance.now();

function visit(): void {
  const startMs = nowMs();
  let isDone = false;
  let current: ClientRequest | undefined;
  const finish = (fault: string | null, retried: boolean): void => {
    if (isDone) return;
    isDone = true;
    clearTimeout(patience);
    process.stdout.write(`${JSON.stringify({ startMs, endMs: nowMs(), fault, retried })}\n`);
  };
  const patience = setTimeout(() => {
    finish('timeout', false);
    current?.destroy();
  }, PATIENCE_MS);
  const send = (retried: boolean): void => {
    const sent = request({
      agent,
      host: goal.address,
      port: goal.port,
      path: goal.path,
      headers: { host: goal.name, ...(goal.cookie ? { cookie: goal.cookie } : {}) },
    });
    current = sent;
    let isAnswered = false;
    sent.on('response', (answer) => {
      isAnswered = true;
      answer.on('error', (error) => finish(error.message, retried));
      answer.on('end', () =>
        finish(answer.statusCode === 200 ? null : `status ${answer.statusCode}`, retried),
      );
      answer.resume();
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (!isDone && !retried && sent.reusedSocket && !isAnswered) send(true);
      else finish(error.code ?? error.message, retried);
    });
    sent.end();
  };
  send(false);
}

for (let one = 0; one < keptConnections; one++) visit();
setInterval(visit, intervalMs);
// The end of standard input is the end of the watch: it never outlives the benchmark.
process.stdin.resume().on('end', () => process.exit(0));
