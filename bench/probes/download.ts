// One long download over HTTP/1.1. Prints the bytes that had come at each tenth of a second since the first one.
import { type Goal, printAnswer, readArgument, requestHead } from './goal.ts';
import { openTls } from './raw-client.ts';

const { goal, seconds } = readArgument<{ goal: Goal; seconds: number }>();
const socket = await openTls(goal);
const tenths: number[] = [];
let bytes = 0;
let firstMs = 0;
socket.on('data', (chunk: Buffer) => {
  const nowMs = performance.now();
  if (firstMs === 0) {
    if (!chunk.toString('latin1', 0, 15).startsWith('HTTP/1.1 200'))
      throw new Error(chunk.toString('latin1', 0, 200));
    firstMs = nowMs;
  }
  bytes += chunk.length;
  const tenth = Math.floor((nowMs - firstMs) / 100);
  if (tenth < seconds * 10) return void (tenths[tenth] = bytes);
  const elapsedSeconds = (nowMs - firstMs) / 1000;
  printAnswer({ bytes, elapsedSeconds, bytesByTenth: Array.from(tenths, (count) => count ?? null) });
  process.exit(0);
});
socket.on('close', () => {
  throw new Error(`the download ended after ${bytes} bytes`);
});
socket.write(requestHead(goal));
