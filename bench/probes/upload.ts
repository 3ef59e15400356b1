// One long upload over HTTP/2; the service answers when it has read all of it. Prints bytes and seconds.
import { connect, constants } from 'node:http2';
import { type Goal, printAnswer, readArgument } from './goal.ts';

const { goal, megabytes } = readArgument<{ goal: Goal; megabytes: number }>();
const session = connect(`https://${goal.name}:${goal.port}`, {
  host: goal.address,
  servername: goal.name,
  rejectUnauthorized: false,
});
session.on('error', (error) => {
  throw error;
});
await new Promise((resolve) => session.once('remoteSettings', resolve));

const chunk = Buffer.alloc(256 * 1024, 0x61);
const bytes = megabytes * 1_000_000;
const startMs = performance.now();
const stream = session.request({
  ':method': 'POST',
  ':path': goal.path,
  'content-type': 'application/octet-stream',
  'content-length': String(bytes),
  origin: `https://${goal.name}${goal.port === 443 ? '' : `:${goal.port}`}`,
  ...(goal.cookie ? { cookie: goal.cookie } : {}),
});
let left = bytes;
const send = (): void => {
  while (left > 0) {
    const part = left >= chunk.length ? chunk : chunk.subarray(0, left);
    left -= part.length;
    if (!stream.write(part)) return void stream.once('drain', send);
  }
  stream.end();
};
send();
let status = 0;
let answer = '';
stream.on('response', (headers) => (status = Number(headers[constants.HTTP2_HEADER_STATUS])));
stream.setEncoding('utf8').on('data', (text: string) => (answer += text));
stream.on('end', () => {
  const elapsedSeconds = (performance.now() - startMs) / 1000;
  if (status !== 200 || Number(answer) !== bytes)
    throw new Error(`status ${status}, ${answer.slice(0, 200)}`);
  printAnswer({ bytes, elapsedSeconds });
  process.exit(0);
});
