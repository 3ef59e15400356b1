// A new visitor each time: TCP, TLS, one GET. Prints the time to the last byte of each answer.
import { type Goal, printAnswer, readArgument } from './goal.ts';
import { get, openTls } from './raw-client.ts';

const { goal, visits, warmUp } = readArgument<{ goal: Goal; visits: number; warmUp: number }>();
const latenciesMs: number[] = [];
const handshakesMs: number[] = [];
for (let visit = 0; visit < warmUp + visits; visit++) {
  const startMs = performance.now();
  const socket = await openTls(goal);
  const openMs = performance.now();
  await get(socket, goal);
  if (visit >= warmUp) {
    handshakesMs.push(Number((openMs - startMs).toFixed(3)));
    latenciesMs.push(Number((performance.now() - startMs).toFixed(3)));
  }
  socket.destroy();
}
printAnswer({ latenciesMs, handshakesMs });
