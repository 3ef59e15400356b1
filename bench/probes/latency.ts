// One user on one connection: a GET after the other. Prints every latency.
import { type Goal, printAnswer, readArgument } from './goal.ts';
import { get, openTls } from './raw-client.ts';

const { goal, requests, warmUp } = readArgument<{ goal: Goal; requests: number; warmUp: number }>();
const socket = await openTls(goal);
const latenciesMs: number[] = [];
for (let sent = 0; sent < warmUp + requests; sent++) {
  const startMs = performance.now();
  await get(socket, goal);
  if (sent >= warmUp) latenciesMs.push(Number((performance.now() - startMs).toFixed(3)));
}
socket.destroy();
printAnswer({ latenciesMs });
