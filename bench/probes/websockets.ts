// Many WebSockets, each sending 64 bytes about once a second and waiting for the echo.
// Prints one line `{"open":N}` when all are up, and the whole answer at the end.
import { randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { type Goal, printAnswer, readArgument, requestHead } from './goal.ts';
import { openTls } from './raw-client.ts';

const { goal, sockets, seconds } = readArgument<{ goal: Goal; sockets: number; seconds: number }>();
const PAYLOAD_BYTES = 64;
/** A masked binary frame as RFC 6455 §5.2 wants it from a client, and the bare one that comes back. */
const frame = Buffer.concat([
  Buffer.from([0x82, 0x80 | PAYLOAD_BYTES, 0, 0, 0, 0]),
  Buffer.alloc(PAYLOAD_BYTES, 0x78),
]);
const ECHO_BYTES = 2 + PAYLOAD_BYTES;

const connectMs: number[] = [];
const roundTripsMs: number[] = [];
const faults: string[] = [];
let isOver = false;

class Visitor {
  readonly #socket: TLSSocket;
  #sentMs = 0;
  #waiting = 0;

  constructor(socket: TLSSocket, rest: Buffer) {
    this.#socket = socket;
    if (rest.length > 0) throw new Error('bytes before the first message');
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (!isOver) faults.push('closed');
    });
  }

  send(): void {
    if (isOver || this.#socket.destroyed) return;
    if (this.#waiting > 0) return void faults.push('no echo within its second');
    this.#sentMs = performance.now();
    this.#waiting = ECHO_BYTES;
    this.#socket.write(frame);
  }

  #receive(chunk: Buffer): void {
    this.#waiting -= chunk.length;
    if (this.#waiting < 0) faults.push('more came than was sent');
    if (this.#waiting !== 0) return;
    roundTripsMs.push(Number((performance.now() - this.#sentMs).toFixed(2)));
    setTimeout(() => this.send(), 500 + Math.random() * 1000);
  }
}

async function join(): Promise<Visitor | undefined> {
  const startMs = performance.now();
  try {
    const socket = await openTls(goal);
    const rest = await shakeHands(socket);
    connectMs.push(Number((performance.now() - startMs).toFixed(2)));
    return new Visitor(socket, rest);
  } catch (error) {
    faults.push((error as Error).message);
    return undefined;
  }
}

function shakeHands(socket: TLSSocket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', onData);
      const status = received.toString('latin1', 0, 12);
      if (status === 'HTTP/1.1 101') resolve(received.subarray(end + 4));
      else reject(new Error(status));
    };
    socket.on('data', onData).once('close', () => reject(new Error('closed in the handshake')));
    const key = randomBytes(16).toString('base64');
    socket.write(
      requestHead(goal, [
        `Origin: https://${goal.name}${goal.port === 443 ? '' : `:${goal.port}`}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${key}`,
      ]),
    );
  });
}

// 20 at once: a rush of visitors, and not a test of how many handshakes fit into the same millisecond.
const visitors: Visitor[] = [];
let started = 0;
await Promise.all(
  Array.from({ length: 20 }, async () => {
    while (started < sockets) {
      started++;
      const visitor = await join();
      if (visitor) visitors.push(visitor);
    }
  }),
);
printAnswer({ open: visitors.length });
for (const visitor of visitors) setTimeout(() => visitor.send(), Math.random() * 1000);
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
isOver = true;
printAnswer({ open: visitors.length, faults, connectMs, roundTripsMs });
process.exit(0);
