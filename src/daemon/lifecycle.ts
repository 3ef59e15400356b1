import { sleep } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import { callAdmin } from '../edge/auth/admin-channel.ts';
import type { RelayAddress } from '../link/contract.ts';
import { type LocalHttpServer, serveLocalHttp } from '../platform/control-transport.ts';
import { makeHomeFolder } from '../platform/home-folder.ts';
import { lanesOf, relayAddressOf, remoteCommandOf } from './compose.ts';
import type { DaemonState, DaemonStatus, GuardAnswer } from './contract.ts';
import {
  type Announcement,
  makeAnnouncement,
  withdrawAnnouncement,
  writeAnnouncement,
} from './control/announcement.ts';
import { makeControlListener } from './control/api.ts';
import { DoorOpener } from './doors.ts';
import type { GuardFinding } from './guard.ts';
import { type House, type HouseOptions, buildHouse } from './house.ts';
import { LinkKeeper } from './link-keeper.ts';
import { type Predecessor, findPredecessor } from './predecessor.ts';
import { readRelayLook } from './relay-look.ts';
import { sweepRunFolder } from './run-folder.ts';
import { acquireStartLock } from './start-lock.ts';
import { describeStatus } from './status.ts';

export interface DaemonOptions extends HouseOptions {
  readonly version: string;
  /** Ends the daemon while it is still starting; an older one goes on. */
  readonly signal?: AbortSignal;
}

/** A running daemon, as `postern up` holds it. */
export interface Daemon {
  status(): DaemonStatus;
  /** Calls back when something about the link has changed. Returns the way to stop that. */
  onChange(callback: () => void): () => void;
  /** No new work; what runs gets `limits.drainMs`; then the end. */
  drain(): Promise<void>;
  /** The end at once. */
  stop(): Promise<void>;
  /** Resolves when it has ended, whoever asked for it. */
  readonly ended: Promise<void>;
}

const LINGER_MS = 300;
const MAX_LINGER_MS = 3000;

/**
 * Starts the daemon. Is there one already, it is replaced without a loss: the new one builds its own edge and link,
 * the names on the relay go over to it, requests have passed through it, and only then the old one drains and ends.
 * When the new one does not get through, the old one goes on.
 * @throws what `buildHouse` throws, DAEMON_STARTING, DAEMON_HAND_OVER_FAILED, DAEMON_PATH_TOO_LONG, LINK_HOST_KEY_MISSING
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { folder, clock, log, config } = options;
  await makeHomeFolder(folder);
  const releaseLock = await acquireStartLock(folder, clock);
  try {
    await sweepRunFolder(folder);
    const predecessor = await findPredecessor({ folder, clock, log, drainMs: config.limits.drainMs });
    const announcement = await makeAnnouncement(folder);
    const relay = await relayAddressOf(config, folder);
    const daemon = new RunningDaemon(options, await buildHouse(options), announcement, relay);
    const onAbort = (): void => void daemon.stop();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      options.signal?.throwIfAborted();
      await daemon.start(predecessor);
      return daemon;
    } catch (error) {
      await daemon.stop();
      await predecessor?.release();
      options.signal?.throwIfAborted();
      throw error;
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
    }
  } finally {
    await releaseLock();
  }
}

function guardAnswerOf(finding: GuardFinding): GuardAnswer {
  if (finding.kind === 'open') return finding;
  const { code, message, remedy } = finding.error;
  return { kind: 'shut', code, reason: message, remedy };
}

class RunningDaemon implements Daemon {
  readonly ended: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #house: House;
  readonly #announcement: Announcement;
  readonly #link: LinkKeeper;
  readonly #startedAtMs: number;
  readonly #listeners = new Set<() => void>();
  readonly #predecessorGone: Promise<void>;
  #settlePredecessorGone: () => void = () => {};
  #settleEnded: () => void = () => {};
  #control: LocalHttpServer | undefined;
  #state: DaemonState = 'starting';
  /** The canary waits for the first connection. */
  #mayLook = false;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: DaemonOptions, house: House, announcement: Announcement, relay: RelayAddress) {
    this.#options = options;
    this.#house = house;
    this.#announcement = announcement;
    this.#startedAtMs = options.clock.nowMs();
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve));
    this.#predecessorGone = new Promise((resolve) => (this.#settlePredecessorGone = resolve));
    this.#link = this.#makeLinkKeeper(relay);
  }

  async start(predecessor: Predecessor | undefined): Promise<void> {
    const { folder, log, config } = this.#options;
    await this.#listen();
    await Promise.all([this.#house.guard.start(), this.#house.watch.start()]);
    await predecessor?.hold();
    this.#link.start();
    if (predecessor) await this.#comeThrough();
    this.#options.signal?.throwIfAborted();
    await writeAnnouncement(folder, this.#announcement);
    this.#state = 'running';
    log.info(
      { relay: config.relay.host, services: config.services.map(({ name }) => name) },
      'daemon running',
    );
    void this.#afterPredecessor(predecessor);
  }

  status(): DaemonStatus {
    const { version, config, configPath } = this.#options;
    const { health, edge, states, canary, watch } = this.#house;
    return describeStatus({
      version,
      pid: process.pid,
      state: this.#state,
      startedAtMs: this.#startedAtMs,
      config,
      configPath,
      connections: this.#link.status(),
      alerts: health.incidents(),
      counts: edge.counts(),
      guardOf: (name) => states.of(name),
      canaryOf: (name) => canary.last(name),
      whyDown: (name) => watch.whyDown(name),
    });
  }

  onChange(callback: () => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  stop(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #listen(): Promise<void> {
    const { address, token } = this.#announcement;
    const controlled = {
      status: async () => ({ ...this.status(), relayLookedAtMs: await readRelayLook(this.#options.folder) }),
      stop: (isAtOnce: boolean) => void (isAtOnce ? this.stop() : this.drain()),
      beginHandOver: () => this.#link.hold(),
      cancelHandOver: () => this.#link.release(),
      admin: (method: string, input: unknown) => callAdmin(this.#house.login.admin, method, input),
      shutService: (name: string, answer: string) => this.#house.verifyWatch.shut(name, answer),
      lookAtService: async (name: string) => guardAnswerOf(await this.#house.guard.lookNow(name)),
      certificates: () => this.#house.certificateCare.status(),
      renewCertificates: (name: string | undefined, isRehearsal: boolean) =>
        this.#house.certificateCare.renew(name, isRehearsal),
    };
    this.#control = await serveLocalHttp(address, makeControlListener(controlled, token, this.#options.log));
  }

  #makeLinkKeeper(relay: RelayAddress): LinkKeeper {
    const { config, folder, clock, log, parts } = this.#options;
    const { edge, health, canary } = this.#house;
    const doors = new DoorOpener({
      config,
      lanes: lanesOf(config),
      edge,
      runFolder: folder.run,
      predecessorGone: this.#predecessorGone,
      canProbe: () => canary.canProbe(),
    });
    return new LinkKeeper({
      makeLink: (onPassed) =>
        parts.startLink({
          relay,
          connections: config.link.connections,
          heartbeatMs: config.link.heartbeatMs,
          remoteCommand: (slot) => remoteCommandOf(config, slot),
          openHomeEnd: (slot) => doors.open(slot, onPassed),
          sendProbe: (signal) => canary.sendProbe(signal),
          runFolder: folder.run,
          clock,
          log,
        }),
      connections: config.link.connections,
      relay: `${relay.host}:${relay.port}`,
      health,
      clock,
      log,
      onChange: () => this.#changed(),
    });
  }

  async #comeThrough(): Promise<void> {
    try {
      await this.#link.waitThrough();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new PosternError('DAEMON_HAND_OVER_FAILED', { reason }, error);
    }
  }

  /** Only now the public names lead to nobody else; with the first connection that is up the canary's word counts. */
  async #afterPredecessor(predecessor: Predecessor | undefined): Promise<void> {
    await predecessor?.retire();
    this.#settlePredecessorGone();
    this.#mayLook = true;
    this.#startCanary();
    this.#house.certificateCare.start(() => this.#isLinkUp());
  }

  #startCanary(): void {
    if (!this.#mayLook || !this.#isLinkUp()) return;
    this.#mayLook = false;
    this.#house.verifyWatch.start();
    void this.#house.canary.start().then(() => this.#changed());
  }

  #isLinkUp(): boolean {
    return this.#link.status().some(({ state }) => state === 'up');
  }

  async #drain(): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#state = 'draining';
    this.#options.log.info({}, 'daemon draining');
    this.#changed();
    this.#house.canary.stop();
    this.#house.guard.stop();
    this.#house.verifyWatch.stop();
    void this.#house.certificateCare.stop();
    this.#link.freeze();
    await this.#house.edge.drain();
    await sleep(this.#options.clock, this.#lingerMs());
    await this.stop();
  }

  /** The last bytes of an answer have left the edge and may still be in ssh, which drops them when it is ended. */
  #lingerMs(): number {
    const roundTrips = this.#link.status().map(({ roundTripMs }) => roundTripMs ?? 0);
    return Math.min(LINGER_MS + 4 * Math.max(0, ...roundTrips), MAX_LINGER_MS);
  }

  async #close(): Promise<void> {
    this.#state = 'draining';
    await this.#link.stop();
    await this.#house.close();
    await withdrawAnnouncement(this.#options.folder, this.#announcement);
    await this.#control?.close();
    this.#options.log.info({}, 'daemon ended');
    this.#settleEnded();
  }

  #changed(): void {
    this.#startCanary();
    this.#house.certificateCare.wake();
    for (const listener of this.#listeners) listener();
  }
}
