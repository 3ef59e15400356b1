import { type Clock, sleep } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { SURVIVED_MS, backoffMs } from './backoff.ts';
import { type Failure, failureOf } from './classify.ts';
import type { ConnectionState, ConnectionStatus, LinkEvent } from './contract.ts';
import type { Session, SessionEvents } from './session.ts';

/** A predecessor that answers again (it was slow, not dead) keeps its visitors this long. */
const DRAIN_MS = 300_000;
/** An unfinished login is given up this long after the network has changed; twice that after each time it was in vain. */
const FIRST_LOGIN_AFTER_CHANGE_MS = 2000;
const LOOK_AGAIN_MS = 250;
/** Between probes of a newcomer: soon at first, seldom when a daemon that hands over lets its visitors finish. */
const FIRST_PROBE_AGAIN_MS = 100;
const PROBE_AGAIN_MS = 30_000;

/** What a session is started for: to carry visitors, or only to end a stale one that still holds the slot's port. */
export type SessionPurpose = 'carry' | 'evict';

export interface SessionStart {
  readonly purpose: SessionPurpose;
  /** Counts the ssh processes of the slot. */
  readonly generation: number;
  readonly loginAfterChangeMs: number;
}

export interface SlotOptions {
  readonly slot: number;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ number < 1. */
  readonly random: () => number;
  /** The relay's end is a port: a newcomer cannot bind it beside its predecessor. */
  readonly isPort: boolean;
  readonly makeSession: (start: SessionStart, events: SessionEvents) => Session;
  readonly sendProbe: (signal: AbortSignal) => Promise<void>;
  readonly emit: (event: LinkEvent) => void;
  /** A new session came up: key and host are accepted. */
  readonly onProven: () => void;
  /** The pool looks again who needs what. */
  readonly onChange: () => void;
  /** An attempt failed, or a connection was lost or fell silent. */
  readonly onFailure: (failure: Failure) => void;
}

/**
 * One slot of the pool: which of its sessions carries visitors, which one is being made, which one is on its way out.
 * New before old: a newcomer is made while the old one is only doubted, and the old one is told to go when a request has
 * passed through the newcomer. The slot says what it wants; the pool says when.
 */
export class Slot {
  readonly #options: SlotOptions;
  #current: Session | undefined;
  #older: Session | undefined;
  #attempt: { session: Session; purpose: SessionPurpose } | undefined;
  #abandoned: Session | undefined;
  #generation = 0;
  #failures = 0;
  #upSinceMs = 0;
  #lastState: ConnectionState = 'waiting';
  #sinceMs: number;
  #lastError: ConnectionStatus['lastError'];
  #reportedDown: string | undefined;
  /** A newcomer may have taken the name and died with it: the current one is no longer found by visitors. */
  #mustReplace = false;
  #mustEvict = false;
  /** Nothing of ours held the port when we looked: somebody else does. */
  #hasEvictedInVain = false;
  #slowLogins = 0;
  readonly #stopping = new AbortController();
  notBeforeMs = 0;
  lastAttemptMs = -1;

  constructor(options: SlotOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.nowMs();
  }

  get slot(): number {
    return this.#options.slot;
  }

  get isUp(): boolean {
    return this.#current?.isUp === true && !this.#current.isSilent;
  }

  get isConnecting(): boolean {
    return this.#attempt !== undefined;
  }

  get wantsSession(): boolean {
    if (this.#stopping.signal.aborted || this.#attempt) return false;
    return !this.isUp || this.#mustReplace;
  }

  get state(): ConnectionState {
    if (this.#stopping.signal.aborted) return 'stopped';
    if (this.#current) return this.#current.isSilent ? 'suspect' : 'up';
    return this.#attempt ? 'connecting' : 'waiting';
  }

  status(): ConnectionStatus {
    return {
      slot: this.slot,
      state: this.state,
      roundTripMs: this.#current?.roundTripMs,
      sinceMs: this.#sinceMs,
      restarts: Math.max(0, this.#generation - 1),
      lastError: this.#lastError,
    };
  }

  /** Starts a connection. Only ever one at a time. */
  connect(): void {
    const purpose = this.#mustEvict ? 'evict' : 'carry';
    this.#mustEvict = false;
    // A port stays with its holder; a socket's name is taken over at the bind, before the newcomer has said hello.
    this.#mustReplace ||= this.#current !== undefined && !this.#options.isPort;
    this.lastAttemptMs = this.#options.clock.monotonicMs();
    const loginAfterChangeMs = FIRST_LOGIN_AFTER_CHANGE_MS * 2 ** Math.min(this.#slowLogins, 4);
    const start: SessionStart = { purpose, generation: ++this.#generation, loginAfterChangeMs };
    const session = this.#options.makeSession(start, {
      onUp: (hasOlder) => this.#up(session, purpose, hasOlder),
      onEcho: (roundTripMs) => this.#echoed(session, roundTripMs),
      onSilent: () => this.#silent(session),
      onEnd: (failure) => this.#ended(session, failure),
    });
    this.#attempt = { session, purpose };
    this.#noteState();
  }

  /** Look now at what there is. */
  probe(): void {
    this.#current?.probe();
    this.#attempt?.session.probe();
  }

  /** The network has changed: what failed before says nothing about now. */
  forgive(): void {
    this.#failures = 0;
    this.notBeforeMs = 0;
  }

  /** Gives up the connection being made; that counts as no failure. */
  abandonAttempt(): void {
    this.#abandoned = this.#attempt?.session;
    void this.#abandoned?.end();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#noteState();
    const sessions = [this.#attempt?.session, this.#current, this.#older].filter((one) => one !== undefined);
    await Promise.all(sessions.map((session) => session.end()));
  }

  #up(session: Session, purpose: SessionPurpose, hasOlder: boolean): void {
    if (this.#attempt?.session !== session) return;
    this.#options.onProven();
    if (purpose === 'evict') {
      void this.#evict(session, hasOlder);
      return;
    }
    this.#attempt = undefined;
    this.#mustReplace = false;
    this.#slowLogins = 0;
    this.#hasEvictedInVain = false;
    void this.#older?.end();
    this.#older = this.#current;
    this.#current = session;
    this.#upSinceMs = this.#options.clock.monotonicMs();
    this.#noteUp(session);
    this.#options.onChange();
    if (hasOlder || this.#older) void this.#replace(session, this.#older);
  }

  #echoed(session: Session, roundTripMs: number): void {
    if (session !== this.#current) return;
    if (this.#lastState !== 'up') {
      this.#mustEvict = false;
      this.#noteUp(session);
      this.#options.onChange();
    }
    this.#options.emit({ kind: 'round-trip', slot: this.slot, roundTripMs });
  }

  #silent(session: Session): void {
    if (session !== this.#current) return;
    this.#mustEvict = this.#options.isPort;
    this.#noteDown(failureOf('SSH_SILENT'));
    this.#options.onFailure(failureOf('SSH_SILENT'));
  }

  #ended(session: Session, failure: Failure): void {
    if (session === this.#older) this.#older = undefined;
    if (this.#stopping.signal.aborted) return;
    const isAttempt = session === this.#attempt?.session;
    if (!isAttempt && session !== this.#current) return;
    if (isAttempt) this.#attempt = undefined;
    else this.#lost();
    if (session === this.#abandoned) {
      this.#noteState();
      return this.#options.onChange();
    }
    this.#countFailure(failure);
    if (!this.#current) this.#noteDown(failure);
    this.#options.onFailure(failure);
  }

  #lost(): void {
    this.#current = undefined;
    if (this.#options.clock.monotonicMs() - this.#upSinceMs >= SURVIVED_MS) this.#failures = 0;
  }

  #countFailure(failure: Failure): void {
    const { clock, random, isPort } = this.#options;
    if (failure.code === 'SSH_FORWARD_REFUSED') this.#mustEvict = isPort && !this.#hasEvictedInVain;
    if (failure.code === 'SSH_SESSION_SILENT') this.#slowLogins++;
    this.#failures++;
    this.notBeforeMs = clock.monotonicMs() + backoffMs(this.#failures, random());
  }

  /** Waits until a request has passed through the newcomer, then ends the older one, on the relay and here. */
  async #replace(session: Session, older: Session | undefined): Promise<void> {
    const { log } = this.#options;
    if (!(await this.#hasPassed(session))) return;
    await this.#drain(session, older);
    if (!session.isUp) return;
    log.debug({ slot: this.slot, answer: await session.take() }, 'the older session was told to go');
    await older?.end();
  }

  /** Sends requests until one comes through this very session; false when it ends before. */
  async #hasPassed(session: Session): Promise<boolean> {
    const { clock, sendProbe } = this.#options;
    const done = new AbortController();
    const signal = AbortSignal.any([done.signal, this.#stopping.signal]);
    const outcome = Promise.race([
      session
        .passed()
        .catch(() => session.ended)
        .then(() => session.isUp),
      session.ended.then(() => false),
    ]).finally(() => done.abort());
    for (let waitMs = FIRST_PROBE_AGAIN_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, PROBE_AGAIN_MS)) {
      // A probe may pass through another slot: then the next one may not.
      await sendProbe(signal).catch(() => {});
      await sleep(clock, waitMs, signal).catch(() => {});
    }
    return !this.#stopping.signal.aborted && (await outcome);
  }

  async #drain(session: Session, older: Session | undefined): Promise<void> {
    const { clock } = this.#options;
    const signal = this.#stopping.signal;
    const untilMs = clock.monotonicMs() + DRAIN_MS;
    while (session.isUp && older?.isUp && !older.isSilent && clock.monotonicMs() < untilMs) {
      await sleep(clock, LOOK_AGAIN_MS, signal).catch(() => {});
      if (signal.aborted) return;
    }
  }

  /** The stale session goes first, since it holds the port; then the slot may try again. */
  async #evict(session: Session, hasOlder: boolean): Promise<void> {
    const answer = hasOlder && session.isUp ? await session.take() : 'none';
    this.#hasEvictedInVain = answer === 'none';
    if (this.#attempt?.session === session) this.#attempt = undefined;
    await session.end();
    if (this.#stopping.signal.aborted) return;
    this.notBeforeMs = this.#failures > 1 ? this.notBeforeMs : 0;
    this.#options.onChange();
  }

  #noteState(): void {
    if (this.state === this.#lastState) return;
    this.#lastState = this.state;
    this.#sinceMs = this.#options.clock.nowMs();
  }

  #noteUp(session: Session): void {
    this.#reportedDown = undefined;
    this.#noteState();
    this.#options.emit({ kind: 'up', slot: this.slot, roundTripMs: session.roundTripMs });
  }

  /** The same trouble is reported once, not at each attempt. */
  #noteDown(failure: Failure): void {
    const { code, line: text } = failure;
    this.#lastError = { code, text, atMs: this.#options.clock.nowMs() };
    this.#noteState();
    if (this.#reportedDown === code) return;
    this.#reportedDown = code;
    this.#options.emit({ kind: 'down', slot: this.slot, code, text });
  }
}
