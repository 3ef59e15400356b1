import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { silentLog } from '../../src/core/log.ts';
import type { Link, LinkEvent, LinkOptions } from '../../src/link/contract.ts';
import { startLink } from '../../src/link/link.ts';
import type { ChildHandle, ProcessEnd } from '../../src/platform/processes.ts';
import { FakeClock } from './fake-clock.ts';
import { makeTestFolder } from './temporary-folder.ts';

/** An ssh process that does what the test says; it speaks the session's protocol when told to. */
export class FakeSsh implements ChildHandle {
  readonly pid = undefined;
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly ended: Promise<ProcessEnd>;
  readonly args: readonly string[];
  readonly startedAtMs: number;
  readonly signals: string[] = [];
  readonly heard: string[] = [];
  /** Heartbeats are sent back. */
  isAnswering = true;
  /** SIGTERM is heard; a stopped process only obeys SIGKILL. */
  isStopped = false;
  hasEnded = false;
  #end: (end: ProcessEnd) => void = () => {};

  constructor(args: readonly string[], startedAtMs: number) {
    this.args = args;
    this.startedAtMs = startedAtMs;
    this.ended = new Promise((resolve) => {
      this.#end = (end) => {
        this.hasEnded = true;
        resolve(end);
      };
    });
    this.stdin.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) this.#hear(line);
    });
  }

  get slot(): number {
    return Number(/link (\d)/.exec(this.args.at(-1) ?? '')?.[1]);
  }

  hello(older: number | 'none' = 'none'): void {
    this.say(`postern 1 slot ${this.slot} older ${older}`);
  }

  say(line: string): void {
    this.stdout.write(`${line}\n`);
  }

  /** ssh's last words, and its end. */
  fail(stderr: string, status = 255): void {
    this.stderr.write(`${stderr}\n`);
    setImmediate(() => this.#end({ status, signal: null }));
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    this.signals.push(signal);
    if (signal === 'SIGKILL' || !this.isStopped) this.#end({ status: null, signal });
    return true;
  }

  #hear(line: string): void {
    this.heard.push(line);
    if (!this.isAnswering) return;
    if (line.startsWith('h ')) this.say(line);
    if (line === 'take') this.say('took');
  }
}

/** A pool on a clock that the test moves, with ssh processes that the test plays. */
export interface FakeLink {
  readonly link: Link;
  readonly clock: FakeClock;
  readonly started: FakeSsh[];
  readonly events: LinkEvent[];
  /** Home ends that are open. */
  readonly open: Set<string>;
  /** The relay can be reached by TCP. */
  isReachable: boolean;
  tries: number;
  /** What the watch of addresses and routes would call. */
  networkChanged(): void;
  /** Lets promises and streams settle. */
  settle(): Promise<void>;
  /** Moves the clock in steps of `stepMs`, settling after each. */
  pass(ms: number, stepMs?: number): Promise<void>;
  /** The newest ssh of a slot. */
  ssh(slot: number): FakeSsh;
}

export async function startFakeLink(options: Partial<LinkOptions> = {}): Promise<FakeLink> {
  const clock = new FakeClock();
  const started: FakeSsh[] = [];
  const events: LinkEvent[] = [];
  const open = new Set<string>();
  const fake = { isReachable: true, tries: 0, networkChanged: (): void => {} };
  const link = startLink(
    {
      relay: {
        host: '203.0.113.5',
        port: 22,
        account: 'postern-x',
        identityFile: '/k',
        knownHostsFile: '/h',
      },
      connections: 2,
      heartbeatMs: 1000,
      remoteCommand: (slot) => `link ${slot}`,
      openHomeEnd: async (slot, generation) => {
        const id = `${slot}.${generation}`;
        open.add(id);
        return {
          forwards: [{ remote: { path: `/s/${slot}.sock` }, local: { path: `/h/${id}.sock` } }],
          passed: Promise.resolve(),
          close: async () => void open.delete(id),
        };
      },
      sendProbe: async () => {},
      runFolder: join(makeTestFolder(), 'run'),
      clock,
      log: silentLog,
      ...options,
    },
    {
      startSsh: (args) => {
        const ssh = new FakeSsh(args, clock.monotonicMs());
        started.push(ssh);
        return ssh;
      },
      hasAes: async () => true,
      tryConnect: async () => {
        fake.tries++;
        return fake.isReachable;
      },
      watchNetwork: (onChange) => {
        fake.networkChanged = onChange;
        return { stop: () => {} };
      },
      random: () => 0.999_999,
    },
  );
  link.onEvent((event) => events.push(event));
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  // The run folder is looked at before anything is started.
  for (let turn = 0; started.length === 0 && turn < 200; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return Object.assign(fake, {
    link,
    clock,
    started,
    events,
    open,
    settle,
    pass: async (ms: number, stepMs = Math.min(ms, 100)) => {
      await settle();
      for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
        clock.advance(Math.min(stepMs, leftMs));
        await settle();
      }
    },
    ssh: (slot: number) => started.findLast((one) => one.slot === slot) as FakeSsh,
  });
}

/** Both slots up. */
export async function bringUp(fake: FakeLink): Promise<void> {
  for (let turn = 0; turn < fake.link.status().length; turn++) {
    await fake.settle();
    for (const ssh of fake.started) if (ssh.heard.length === 0 && !ssh.hasEnded) ssh.hello();
    await fake.settle();
  }
}
