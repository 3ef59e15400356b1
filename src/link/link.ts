import type { Timer } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import { hasAesInstructions } from '../platform/cpu.ts';
import { type NetworkWatch, watchNetwork } from '../platform/network-watch.ts';
import { type ChildHandle, spawnProcess } from '../platform/processes.ts';
import { makeTcpProbe } from '../platform/tcp-probe.ts';
import { sshArguments } from './argv.ts';
import type { Failure } from './classify.ts';
import type { ConnectionStatus, Forward, HomeEnd, Link, LinkEvent, LinkOptions } from './contract.ts';
import { ChildBook } from './orphans.ts';
import { Reach } from './reach.ts';
import { Session, type SessionEvents } from './session.ts';
import { type SessionStart, Slot } from './slot.ts';
import { watchWake } from './wake.ts';

/** After a refused key or host: no attempt at all for this long, whatever happens. */
const HALT_AT_LEAST_MS = 60_000;
/** And by itself only one this often: far under what OpenSSH's penalties or fail2ban count as an attack. */
const HALT_MS = 600_000;

/** What the link needs of the machine; tests hand in others. */
export interface LinkTools {
  startSsh(args: readonly string[]): ChildHandle;
  hasAes(): Promise<boolean>;
  tryConnect(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  watchNetwork(onChange: () => void): NetworkWatch;
  random(): number;
}

function systemTools({ relay, clock }: LinkOptions): LinkTools {
  return {
    // The words of the system's errors are part of what classify.ts reads.
    startSsh: (args) => spawnProcess('ssh', args, { env: { ...process.env, LC_ALL: 'C' } }),
    hasAes: hasAesInstructions,
    tryConnect: makeTcpProbe(relay.host, relay.port),
    watchNetwork: (onChange) => watchNetwork(clock, onChange),
    random: Math.random,
  };
}

/**
 * Starts the pool: `options.connections` ssh processes, kept up until `stop()`.
 * @param options see contract.ts; values that ssh could misread make `ready` reject (SSH_ARGUMENT_REFUSED)
 * @param tools the machine
 */
export function startLink(options: LinkOptions, tools: Partial<LinkTools> = {}): Link {
  return new Pool(options, { ...systemTools(options), ...tools });
}

/**
 * The supervisor: everything that can happen ends in `#look()`, which alone decides what is started. Rules:
 * one attempt at a time while nothing is up (a refused key costs one attempt, not one for each slot);
 * after a failure of the network, first a probe; after a refusal of key or host, nothing.
 */
class Pool implements Link {
  readonly ready: Promise<void>;
  readonly #options: LinkOptions;
  readonly #tools: LinkTools;
  readonly #slots: readonly Slot[];
  readonly #reach: Reach;
  readonly #children: ChildBook;
  readonly #callbacks = new Set<(event: LinkEvent) => void>();
  readonly #watches: { stop(): void }[] = [];
  readonly #holds = new Set<symbol>();
  readonly #bookings = new Set<Promise<void>>();
  #settleReady: { resolve(): void; reject(error: Error): void } = { resolve() {}, reject() {} };
  #retry: Timer | undefined;
  #hasAes = false;
  #phase: 'starting' | 'running' | 'stopped' = 'starting';
  /** Since a refusal of key or host: when it was. */
  #refusedAtMs: number | undefined;
  #haltedUntilMs = 0;

  constructor(options: LinkOptions, tools: LinkTools) {
    this.#options = options;
    this.#tools = tools;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Whoever does not wait for it learns the same from `onEvent`.
    this.ready.catch(() => {});
    this.#children = new ChildBook(options.runFolder, options.clock, options.log);
    this.#reach = new Reach({
      clock: options.clock,
      tryConnect: tools.tryConnect,
      onReached: (wasDark) => this.#reached(wasDark),
    });
    this.#slots = Array.from({ length: options.connections }, (_, index) => this.#makeSlot(index + 1));
    void this.#begin();
  }

  status(): readonly ConnectionStatus[] {
    return this.#slots.map((slot) => slot.status());
  }

  onEvent(callback: (event: LinkEvent) => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  probeNow(reason: string): void {
    if (this.#phase !== 'running') return;
    this.#options.log.debug({ reason }, 'looking at every connection');
    if (this.#refusedAtMs !== undefined) this.#haltedUntilMs = this.#refusedAtMs + HALT_AT_LEAST_MS;
    for (const slot of this.#slots) {
      slot.forgive();
      slot.probe();
    }
    this.#reach.hurry();
    this.#look();
  }

  hold(): () => void {
    const hold = Symbol('hold');
    this.#holds.add(hold);
    this.#reach.stop();
    for (const slot of this.#slots) slot.abandonAttempt();
    return () => {
      this.#holds.delete(hold);
      this.#look();
    };
  }

  async stop(): Promise<void> {
    this.#phase = 'stopped';
    this.#settleReady.reject(new PosternError('SSH_ENDED', { line: 'the link was stopped' }));
    this.#retry?.cancel();
    this.#reach.stop();
    for (const watch of this.#watches.splice(0)) watch.stop();
    await Promise.all(this.#slots.map((slot) => slot.stop()));
    await Promise.all(this.#bookings);
  }

  async #begin(): Promise<void> {
    const { clock, log } = this.#options;
    const [hasAes] = await Promise.all([
      this.#tools.hasAes(),
      this.#children
        .endOrphans()
        .catch((error: unknown) => log.warn({ error }, 'could not look for orphans')),
    ]);
    if (this.#phase !== 'starting') return;
    this.#hasAes = hasAes;
    this.#phase = 'running';
    const wake = watchWake(clock, (lateMs) => this.probeNow(`the machine slept ${Math.round(lateMs)} ms`));
    const network = this.#tools.watchNetwork(() => this.probeNow('addresses or routes changed'));
    this.#watches.push({ stop: () => wake.cancel() }, network);
    if (network.child) this.#writeDown('watch', network.child);
    this.#look();
  }

  #makeSlot(slot: number): Slot {
    const { clock, log, sendProbe } = this.#options;
    let isPort = false;
    return new Slot({
      slot,
      clock,
      log,
      random: this.#tools.random,
      get isPort() {
        return isPort;
      },
      makeSession: (start, events) =>
        this.#makeSession(slot, start, events, (forwards) => {
          isPort = forwards.some(({ remote }) => 'port' in remote);
        }),
      sendProbe,
      emit: (event) => this.#emit(event),
      onProven: () => {
        this.#refusedAtMs = undefined;
      },
      onChange: () => this.#look(),
      onFailure: (failure) => this.#failed(failure),
    });
  }

  #makeSession(
    slot: number,
    { purpose, generation, loginAfterChangeMs }: SessionStart,
    events: SessionEvents,
    onForwards: (forwards: readonly Forward[]) => void,
  ): Session {
    const { clock, log, heartbeatMs, openHomeEnd } = this.#options;
    const openCarrying = async (): Promise<HomeEnd> => {
      const home = await openHomeEnd(slot, generation);
      onForwards(home.forwards);
      return home;
    };
    return new Session(
      {
        slot,
        generation,
        heartbeatMs,
        clock,
        log,
        loginAfterChangeMs,
        openHomeEnd: purpose === 'carry' ? openCarrying : openNothing,
        startSsh: (forwards) => this.#startSsh(slot, generation, forwards),
      },
      events,
    );
  }

  #startSsh(slot: number, generation: number, forwards: readonly Forward[]): ChildHandle {
    const { relay, remoteCommand, log } = this.#options;
    const child = this.#tools.startSsh(
      sshArguments({ relay, forwards, remoteCommand: remoteCommand(slot), hasAes: this.#hasAes }),
    );
    log.debug({ slot, generation, pid: child.pid }, 'ssh started');
    this.#writeDown(`ssh-${slot}-${generation}`, child);
    return child;
  }

  #writeDown(name: string, child: Pick<ChildHandle, 'pid' | 'ended'>): void {
    const { log } = this.#options;
    const booking = this.#children
      .keep(name, child.pid, child.ended)
      .catch((error: unknown) => log.warn({ error }, 'could not write down a process'))
      .finally(() => this.#bookings.delete(booking));
    this.#bookings.add(booking);
  }

  #emit(event: LinkEvent): void {
    if (event.kind === 'up') this.#settleReady.resolve();
    for (const callback of this.#callbacks) callback(event);
  }

  #failed(failure: Failure): void {
    if (this.#phase !== 'running') return;
    if (failure.kind === 'halt') this.#halt(failure);
    else if (failure.kind === 'network' && this.#holds.size === 0) this.#reach.start();
    this.#look();
  }

  #halt({ code, line }: Failure): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#refusedAtMs = nowMs;
    this.#haltedUntilMs = nowMs + HALT_MS;
    this.#reach.stop();
    for (const slot of this.#slots) slot.abandonAttempt();
    this.#settleReady.reject(new PosternError(code, { line }));
    this.#emit({ kind: 'halted', code, text: line });
  }

  #reached(wasDark: boolean): void {
    if (wasDark) for (const slot of this.#slots) slot.forgive();
    this.#look();
  }

  #look(): void {
    this.#retry?.cancel();
    if (this.#phase !== 'running' || this.#holds.size > 0) return;
    const nowMs = this.#options.clock.monotonicMs();
    const wanting = this.#slots.filter((slot) => slot.wantsSession).sort(byLastAttempt);
    if (wanting.length === 0) return this.#reach.stop();
    if (nowMs < this.#haltedUntilMs && this.#refusedAtMs !== undefined) {
      return this.#lookAgainIn(this.#haltedUntilMs - nowMs);
    }
    if (this.#reach.isAsking) return;
    for (const slot of wanting) {
      if (slot.notBeforeMs <= nowMs && this.#mayConnect()) slot.connect();
    }
    const dueMs = wanting.filter((slot) => slot.notBeforeMs > nowMs).map((slot) => slot.notBeforeMs - nowMs);
    if (dueMs.length > 0) this.#lookAgainIn(Math.min(...dueMs));
  }

  /** While nothing is up, or the last word was a refusal, one attempt finds out for all. */
  #mayConnect(): boolean {
    const isProven = this.#refusedAtMs === undefined && this.#slots.some((slot) => slot.isUp);
    return isProven || !this.#slots.some((slot) => slot.isConnecting);
  }

  #lookAgainIn(delayMs: number): void {
    this.#retry = this.#options.clock.after(delayMs, () => this.#look());
  }
}

function byLastAttempt(a: Slot, b: Slot): number {
  return a.lastAttemptMs - b.lastAttemptMs || a.slot - b.slot;
}

/** The home's end of a session that carries nobody. */
function openNothing(): Promise<HomeEnd> {
  return Promise.resolve({ forwards: [], passed: new Promise<void>(() => {}), close: async () => {} });
}
