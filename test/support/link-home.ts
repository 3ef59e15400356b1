import { mkdtemp, rm } from 'node:fs/promises';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { sessionCommandOf, socketOf } from '../../src/core/relay-layout.ts';
import { type Log, silentLog } from '../../src/core/log.ts';
import type { Forward, HomeEnd, Link, LinkEvent, LinkOptions } from '../../src/link/contract.ts';
import { type LinkTools, startLink } from '../../src/link/link.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type ChildHandle, spawnProcess } from '../../src/platform/processes.ts';
import type { Lab } from './relay.ts';
import { waitFor } from './wait-for.ts';

/**
 * A link to a lab's relay, with a small server at each home end: it reads the PROXY line, answers `SLOT.GENERATION`,
 * then echoes. A visitor speaks to the relay's port 443 with a ClientHello, as browsers do; nothing of it is encrypted,
 * since what is tested is the way.
 */

export const NAME = 'chat.example.test';

export interface TestLink {
  readonly link: Link;
  readonly events: readonly LinkEvent[];
  /** Every ssh that was started, in order. */
  readonly started: readonly { readonly slot: number; readonly child: ChildHandle; readonly atMs: number }[];
  /** Home ends that are open now, `SLOT.GENERATION`. */
  readonly openEnds: ReadonlySet<string>;
  /** The newest ssh of a slot. */
  ssh(slot: number): ChildHandle;
  allUp(withinMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface TestLinkOptions extends Partial<LinkOptions> {
  readonly tools?: Partial<LinkTools>;
  /** The relay's end of a connection. Default: the socket that nginx knows. */
  readonly remote?: (slot: number) => Forward['remote'];
}

export async function startTestLink(lab: Lab, options: TestLinkOptions = {}): Promise<TestLink> {
  const folder = await mkdtemp(join(lab.folder, 'home-'));
  const openEnds = new Set<string>();
  const events: LinkEvent[] = [];
  const started: { slot: number; child: ChildHandle; atMs: number }[] = [];
  const { tools, remote = (slot) => ({ path: socketOf(lab.home, slot, 'tls') }), ...linkOptions } = options;
  const startSsh = tools?.startSsh ?? ((args: readonly string[]) => spawnProcess('ssh', args));
  const link = startLink(
    {
      relay: lab.relay,
      connections: 2,
      heartbeatMs: 1000,
      remoteCommand: sessionCommandOf,
      openHomeEnd: (slot, generation) => openHomeEnd(folder, slot, generation, remote(slot), openEnds),
      sendProbe: async (signal) => void (await visit(lab, 1000, signal)),
      runFolder: join(folder, 'run'),
      clock: systemClock,
      log: debugLog(),
      ...linkOptions,
    },
    {
      // The machine's own interfaces change while other tests make theirs.
      watchNetwork: () => ({ stop: () => {} }),
      ...tools,
      startSsh: (args) => {
        const child = startSsh(args);
        const slot = Number(/(?:link |slot=)(\d)/.exec(args.at(-1) ?? '')?.[1]);
        started.push({ slot, child, atMs: performance.now() });
        return child;
      },
    },
  );
  link.onEvent((event) => events.push(event));
  return {
    link,
    events,
    started,
    openEnds,
    ssh: (slot) => started.findLast((one) => one.slot === slot)?.child as ChildHandle,
    allUp: async (withinMs = 5000) => {
      await waitFor('all connections up', withinMs, () => link.status().every(({ state }) => state === 'up'));
    },
    stop: async () => {
      await link.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openHomeEnd(
  folder: string,
  slot: number,
  generation: number,
  remote: Forward['remote'],
  openEnds: Set<string>,
): Promise<HomeEnd> {
  const id = `${slot}.${generation}`;
  const path = join(folder, `${id}.sock`);
  const sockets = new Set<Socket>();
  let pass = (): void => {};
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.once('data', () => {
      pass();
      socket.write(`${id}\n`);
      socket.on('data', (chunk) => socket.write(chunk));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  openEnds.add(id);
  return {
    forwards: [{ remote, local: { path } }],
    passed,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      openEnds.delete(id);
    },
  };
}

/** What a browser sends first, with the name in the clear (RFC 8446 §4.1.2, RFC 6066 §3). */
export function clientHello(name: string): Buffer {
  const host = Buffer.from(name, 'latin1');
  const sni = Buffer.concat([bytes(2, host.length + 3), Buffer.from([0]), bytes(2, host.length), host]);
  const extensions = Buffer.concat([bytes(2, 0), bytes(2, sni.length), sni]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0, 0, 2, 0x13, 0x01, 1, 0]),
    bytes(2, extensions.length),
    extensions,
  ]);
  const handshake = Buffer.concat([Buffer.from([1]), bytes(3, body.length), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), bytes(2, handshake.length), handshake]);
}

function bytes(count: number, value: number): Buffer {
  const buffer = Buffer.alloc(count);
  buffer.writeUIntBE(value, 0, count);
  return buffer;
}

/** A visitor's connection that got its answer; `end` is what came through, `SLOT.GENERATION`. */
export interface Visit {
  readonly end: string;
  readonly socket: Socket;
}

/** Comes in by the public name and waits for the answer; the connection stays open. */
export function enter(lab: Lab, timeoutMs: number, signal?: AbortSignal): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: lab.address.relayForClient, port: 443, noDelay: true });
    let answer = '';
    const fail = (reason: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(reason));
    };
    const timer = setTimeout(() => fail('no answer'), timeoutMs);
    signal?.addEventListener('abort', () => fail('aborted'), { once: true });
    socket.on('error', (error) => fail(error.message));
    socket.once('close', () => fail('closed without an answer'));
    socket.write(clientHello(NAME));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      const end = /^(\d\.\d+)\n/.exec(answer)?.[1];
      if (end === undefined) return;
      clearTimeout(timer);
      resolve({ end, socket });
    });
  });
}

/** One request: in, answer, out. */
export async function visit(lab: Lab, timeoutMs: number, signal?: AbortSignal): Promise<string> {
  const { end, socket } = await enter(lab, timeoutMs, signal);
  socket.destroy();
  return end;
}

/** Twenty requests a second, each with a limit of 5 s, until stopped. */
export class Traffic {
  readonly #timer: NodeJS.Timeout;
  readonly #underWay = new Set<Promise<void>>();
  readonly #successesMs: number[] = [performance.now()];
  failed = 0;
  sent = 0;

  constructor(lab: Lab) {
    this.#timer = setInterval(() => {
      this.sent++;
      const request = visit(lab, 5000).then(
        () => void this.#successesMs.push(performance.now()),
        () => void this.failed++,
      );
      this.#underWay.add(request);
      void request.finally(() => this.#underWay.delete(request));
    }, 50);
  }

  /** The longest time without a success since `sinceMs` (of `performance.now()`). */
  longestGapMs(sinceMs = 0): number {
    const times = [sinceMs, ...this.#successesMs.filter((ms) => ms > sinceMs)].sort((a, b) => a - b);
    return Math.max(...times.slice(1).map((ms, index) => ms - (times[index] ?? ms)));
  }

  /** Resolves with how long after `sinceMs` the first success came. */
  async nextSuccessAfter(sinceMs: number, timeoutMs: number): Promise<number> {
    const atMs = await waitFor('a request passes', timeoutMs, () =>
      this.#successesMs.find((ms) => ms > sinceMs),
    );
    return atMs - sinceMs;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }
}

function debugLog(): Log {
  if (process.env['POSTERN_DEBUG'] === undefined) return silentLog;
  const write =
    (level: string) =>
    (fields: object, message: string): void =>
      void process.stderr.write(
        `${performance.now().toFixed(0)} ${level} ${message} ${JSON.stringify(fields)}\n`,
      );
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  return log;
}
