import type { Clock, Timer } from '../core/clock.ts';
import { isPosternError } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';
import type { ChildHandle } from '../platform/processes.ts';
import { type Failure, classifyEnd, failureOf } from './classify.ts';
import type { Forward, HomeEnd } from './contract.ts';
import { LineReader } from './lines.ts';
import { Liveness } from './liveness.ts';

/** From the start of ssh to the session's hello: login (12 round trips) and the script's start. */
const HELLO_WITHIN_MS = 8000;
const TAKE_WITHIN_MS = 3000;
/** SIGTERM lets ssh close its channels; a stopped process does not hear it. */
const KILL_AFTER_MS = 1000;

const MAX_LINE_BYTES = 256;
const MAX_STDERR_BYTES = 16_384;
/** Lines before the hello: an account with a shell may greet from its start-up files. */
const MAX_LINES_BEFORE_HELLO = 100;

/** Nothing but echoes is asked for; more is somebody who wants to keep us busy. */
const MAX_LINES_PER_ECHO = 1000;

const HELLO = /^postern (\d{1,4}) slot (\d{1,4}) older (\d{1,10}|none)$/;
const PROTOCOL = '1';

export interface SessionEvents {
  /** The session said hello and the first heartbeat came back; `hasOlder`: the relay knows an older one of this slot. */
  onUp(hasOlder: boolean): void;
  onEcho(roundTripMs: number): void;
  onSilent(): void;
  /** The process has ended and the home's end is closed. Called once, always. */
  onEnd(failure: Failure): void;
}

export interface SessionOptions {
  readonly slot: number;
  readonly generation: number;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Time that an unfinished login gets when the network has just changed: it may be talking to nobody. */
  readonly loginAfterChangeMs: number;
  readonly openHomeEnd: () => Promise<HomeEnd>;
  /** Starts ssh for these forwards. */
  readonly startSsh: (forwards: readonly Forward[]) => ChildHandle;
}

/**
 * One ssh process from its start to its end: hello, heartbeat, `take`. It knows nothing of other connections and
 * never starts anything again: that is the slot's to decide.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly #liveness: Liveness;
  #home: HomeEnd | undefined;
  #child: ChildHandle | undefined;
  #helloTimer: Timer | undefined;
  #stderr = '';
  #linesBeforeHello = 0;
  #linesSinceEcho = 0;
  #hasOlder: boolean | undefined;
  #isUp = false;
  #isHurried = false;
  #isEnding = false;
  /** Why we ended it ourselves; then ssh's last words do not matter. */
  #ownReason: Failure | undefined;
  #onTakeAnswer: ((answer: 'took' | 'none') => void) | undefined;
  readonly ended: Promise<void>;

  constructor(options: SessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#liveness = new Liveness({
      clock: options.clock,
      heartbeatMs: options.heartbeatMs,
      prefix: `${options.slot}-${options.generation}`,
      send: (word) => this.#write(`h ${word}`),
      onEcho: (roundTripMs) => this.#echoed(roundTripMs),
      onSilent: () => this.#silent(),
    });
    this.ended = this.#run();
  }

  get isUp(): boolean {
    return this.#isUp && !this.#isEnding;
  }

  get isSilent(): boolean {
    return this.#liveness.isSilent;
  }

  get roundTripMs(): number | undefined {
    return this.#liveness.roundTripMs;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves once a request came through; never when the session ends before. */
  async passed(): Promise<void> {
    await this.#home?.passed;
  }

  /** Look now: a connection that is up answers within half a second and two round trips, one being made its `loginAfterChangeMs`. */
  probe(): void {
    if (this.#isUp) this.#liveness.probe();
    else if (this.#helloTimer) this.#hurryHello();
  }

  /** Ends the older session of this slot on the relay. `none`: there was none, or no answer came. */
  async take(): Promise<'took' | 'none'> {
    const answered = new Promise<'took' | 'none'>((resolve) => {
      this.#onTakeAnswer = resolve;
    });
    const timer = this.#options.clock.after(TAKE_WITHIN_MS, () => this.#onTakeAnswer?.('none'));
    this.#write('take');
    const answer = await Promise.race([answered, this.ended.then((): 'none' => 'none')]);
    timer.cancel();
    return answer;
  }

  /** Ends ssh; resolves when it is gone. */
  end(reason: Failure = failureOf('SSH_ENDED', 'ended by Postern')): Promise<void> {
    if (!this.#isEnding) {
      this.#isEnding = true;
      this.#ownReason = reason;
      this.#child?.kill('SIGTERM');
      const timer = this.#options.clock.after(KILL_AFTER_MS, () => this.#child?.kill('SIGKILL'));
      void this.ended.then(() => timer.cancel());
    }
    return this.ended;
  }

  async #run(): Promise<void> {
    const failure = await this.#live();
    this.#isEnding = true;
    this.#helloTimer?.cancel();
    this.#liveness.stop();
    await this.#home
      ?.close()
      .catch((error: unknown) => this.#options.log.warn({ error }, 'home end did not close'));
    this.#events.onEnd(this.#ownReason ?? failure);
  }

  async #live(): Promise<Failure> {
    try {
      this.#home = await this.#options.openHomeEnd();
    } catch (error) {
      return failureOf('LINK_HOME_END', messageOf(error));
    }
    if (this.#isEnding) return failureOf('SSH_ENDED');
    let child: ChildHandle;
    try {
      child = this.#options.startSsh(this.#home.forwards);
    } catch (error) {
      if (isPosternError(error)) return failureOf('SSH_ARGUMENT_REFUSED', String(error.details['line']));
      return failureOf('SSH_NOT_STARTED', messageOf(error));
    }
    this.#child = child;
    this.#listen(child);
    this.#expectHelloWithin(HELLO_WITHIN_MS);
    const end = await child.ended;
    this.#options.log.debug({ pid: child.pid, status: end.status, signal: end.signal }, 'ssh ended');
    return classifyEnd({ ...end, stderr: this.#stderr });
  }

  #listen(child: ChildHandle): void {
    const lines = new LineReader(
      MAX_LINE_BYTES,
      (line) => this.#heard(line),
      () => this.#heardNonsense('a line without an end'),
    );
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      // The last words count, so the newest are kept.
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-MAX_STDERR_BYTES);
    });
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {});
  }

  #heard(line: string): void {
    if (this.#isEnding) return;
    if (++this.#linesSinceEcho > MAX_LINES_PER_ECHO) return this.#heardNonsense(line);
    if (this.#hasOlder === undefined) return this.#heardBeforeHello(line);
    if (line.startsWith('h ')) this.#liveness.echoed(line.slice(2));
    else if (line === 'took' || line === 'none') this.#onTakeAnswer?.(line);
  }

  #heardBeforeHello(line: string): void {
    const [, version, slot, older] = HELLO.exec(line) ?? [];
    if (version === undefined) {
      if (++this.#linesBeforeHello > MAX_LINES_BEFORE_HELLO) this.#heardNonsense(line);
      return;
    }
    if (version !== PROTOCOL || slot !== String(this.#options.slot)) return this.#heardNonsense(line);
    this.#hasOlder = older !== 'none';
    this.#liveness.start();
  }

  #heardNonsense(line: string): void {
    void this.end(failureOf('SSH_SESSION_PROTOCOL', line));
  }

  #echoed(roundTripMs: number): void {
    this.#linesSinceEcho = 0;
    if (!this.#isUp) {
      this.#isUp = true;
      this.#helloTimer?.cancel();
      this.#helloTimer = undefined;
      this.#events.onUp(this.#hasOlder === true);
    }
    this.#events.onEcho(roundTripMs);
  }

  #silent(): void {
    if (!this.#isEnding) this.#events.onSilent();
  }

  /** Once: changes come in bursts, and each login has a right to its time. */
  #hurryHello(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    this.#expectHelloWithin(Math.min(this.#options.loginAfterChangeMs, HELLO_WITHIN_MS));
  }

  #expectHelloWithin(withinMs: number): void {
    this.#helloTimer?.cancel();
    this.#helloTimer = this.#options.clock.after(withinMs, () => {
      this.#helloTimer = undefined;
      void this.end(this.#noHello());
    });
  }

  /** What ssh has said so far, if that explains it; else silence, which is the network's until the server was heard. */
  #noHello(): Failure {
    const said = classifyEnd({ stderr: this.#stderr, status: null, signal: null });
    return said.code === 'SSH_ENDED' ? failureOf('SSH_SESSION_SILENT') : said;
  }

  #write(line: string): void {
    if (this.#child?.stdin.writable) this.#child.stdin.write(`${line}\n`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
