import type { Duplex } from 'node:stream';
import { ClientHelloReader } from '../../core/client-hello.ts';
import type { Clock } from '../../core/clock.ts';
import {
  type LoopbackServer,
  type LoopbackSocket,
  listenOnLoopback,
} from '../../platform/loopback-server.ts';
import { writeProxyHeader } from './proxy-header.ts';
import type { SlotTable, WayHome } from './slots.ts';

/** nginx's `preread_timeout` on a real relay. */
const HELLO_MS = 5000;
/** A way home that has not opened after this long (a frozen ssh) is passed over. */
const OPEN_MS = 1000;
/** Visitors at once; what is over is closed at once. */
const MAX_VISITORS = 512;

export interface SpliceOptions {
  /** 0 for any free port. */
  readonly port: number;
  /** Names that are led home; a visitor who asks for another one is closed. */
  readonly serverNames: ReadonlySet<string>;
  readonly slots: SlotTable;
  readonly clock: Clock;
}

/**
 * The visitors' side of the embedded relay, what nginx's stream is on a real one: reads the server name of the
 * ClientHello, picks a way home (in turn, the next one on refusal), puts a PROXY header in front and carries bytes.
 * It holds no certificate and no key: what it carries is TLS between the visitor and home.
 */
export async function startSplice(options: SpliceOptions): Promise<LoopbackServer> {
  let visitors = 0;
  return await listenOnLoopback(options.port, (visitor) => {
    if (visitors >= MAX_VISITORS) return visitor.destroy();
    visitors += 1;
    visitor.once('close', () => (visitors -= 1));
    void admit(visitor, options);
  });
}

async function admit(visitor: LoopbackSocket, options: SpliceOptions): Promise<void> {
  const hello = await readHello(visitor, options);
  if (hello === undefined) return void visitor.destroy();
  const home = await openFirst(options.slots.inTurn(), options.clock);
  if (home === undefined || visitor.destroyed) {
    home?.destroy();
    return void visitor.destroy();
  }
  home.write(Buffer.concat([Buffer.from(proxyHeaderOf(visitor)), hello]));
  joinStreams(visitor, home);
}

/** The visitor's first bytes, once they ask for a name of ours; the visitor is left paused. */
function readHello(
  visitor: LoopbackSocket,
  { serverNames, clock }: SpliceOptions,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const reader = new ClientHelloReader();
    const finish = (hello: Buffer | undefined): void => {
      timer.cancel();
      visitor.pause();
      visitor.off('data', onData);
      visitor.off('end', onGone);
      visitor.off('close', onGone);
      resolve(hello);
    };
    const onGone = (): void => finish(undefined);
    const onData = (chunk: Buffer): void => {
      const hello = reader.push(chunk);
      if (hello.kind === 'more') return;
      const name = hello.kind === 'done' ? hello.serverName : undefined;
      finish(name !== undefined && serverNames.has(name) ? reader.received : undefined);
    };
    const timer = clock.after(HELLO_MS, onGone);
    visitor.on('data', onData);
    visitor.once('end', onGone);
    visitor.once('close', onGone);
  });
}

async function openFirst(ways: readonly WayHome[], clock: Clock): Promise<Duplex | undefined> {
  for (const way of ways) {
    const stream = await openWithin(way, clock);
    if (stream) return stream;
  }
  return undefined;
}

function openWithin(way: WayHome, clock: Clock): Promise<Duplex | undefined> {
  return new Promise((resolve) => {
    let isLate = false;
    const timer = clock.after(OPEN_MS, () => {
      isLate = true;
      resolve(undefined);
    });
    way.open((error, stream) => {
      timer.cancel();
      if (isLate) return void stream?.destroy();
      resolve(error ? undefined : stream);
    });
  });
}

function proxyHeaderOf(visitor: LoopbackSocket): string {
  return writeProxyHeader({
    remoteAddress: visitor.remoteAddress ?? '127.0.0.1',
    remotePort: visitor.remotePort ?? 0,
    localAddress: visitor.localAddress ?? '127.0.0.1',
    localPort: visitor.localPort ?? 0,
  });
}

/** What an ssh2 channel has beyond a Duplex: ending one direction alone. Its own `end()` closes both. */
interface HalfClosable extends Duplex {
  eof?: () => void;
}

/** Carries bytes both ways, each no faster than its reader; the end of one direction leaves the other open. */
function joinStreams(visitor: LoopbackSocket, home: HalfClosable): void {
  carry(visitor, home);
  carry(home, visitor);
  visitor.once('end', () => home.write(Buffer.alloc(0), () => home.eof?.()));
  home.once('end', () => visitor.end());
  home.on('error', () => visitor.destroy());
  visitor.once('close', () => home.destroy());
  home.once('close', () => visitor.destroySoon());
}

function carry(from: Duplex, to: Duplex): void {
  from.on('data', (chunk: Buffer) => {
    if (to.write(chunk)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
  from.resume();
}
