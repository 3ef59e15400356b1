import type { Clock, Timer } from '../core/clock.ts';
import { PosternError, isPosternError } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';
import type { ChallengeSolver, SendHttps } from '../edge/tls/acme/contract.ts';
import { fetchRenewalInfo } from '../edge/tls/acme/renewal-info.ts';
import { retryDelayMs } from '../edge/tls/retry-time.ts';
import { type AcmeSettings, openAcmeAccount } from './certificate-account.ts';
import { type OrderOptions, orderCertificate, rehearseOrder } from './certificate-order.ts';
import { CertificateWatch } from './certificate-watch.ts';
import type { CertificateFiles } from './certificates.ts';
import type { CertificateStatus } from './contract.ts';
import type { HealthTracker } from './health/tracker.ts';

export interface KeeperOptions {
  /** The names whose certificates Postern gets. */
  readonly names: readonly string[];
  readonly settings: AcmeSettings;
  readonly certificates: CertificateFiles;
  readonly solver: ChallengeSolver;
  /**
   * Is there a lock on the door? A certificate makes a name known to everybody within minutes.
   * @returns whether somebody can sign in, or the operator wants that service open
   */
  readonly hasLogin: (name: string) => Promise<boolean>;
  readonly health: HealthTracker;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 up to 1. */
  readonly random?: () => number;
  readonly send?: SendHttps;
}

const LOOK_MS = 60_000;
/** After renewal information could not be had. */
const ASK_AGAIN_MS = 3_600_000;

/**
 * Keeps certificates by ACME young: one loop that looks every minute at what is due, one name after the other. The
 * certificate in use goes on until a better one lies in its place.
 */
export class CertificateKeeper {
  readonly #options: KeeperOptions;
  readonly #watches: readonly CertificateWatch[];
  readonly #stopping = new AbortController();
  #isLinkUp: () => boolean = () => false;
  #timer: Timer | undefined;
  /** Orders stand in line: one at a time. */
  #line: Promise<unknown> = Promise.resolve();
  readonly #running = new Map<string, Promise<void>>();
  #looking: Promise<void> | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#watches = options.names.map((name) => new CertificateWatch(name, options));
    for (const watch of this.#watches) watch.judge();
  }

  /** @param isLinkUp can an authority come to the edge at all? */
  start(isLinkUp: () => boolean): void {
    if (this.#stopping.signal.aborted) return;
    this.#isLinkUp = isLinkUp;
    this.#timer = this.#options.clock.every(LOOK_MS, () => void this.look());
    void this.look();
  }

  /** The link has changed: what waited for it is tried now. */
  wake(): void {
    if (!this.#timer || !this.#isLinkUp()) return;
    const waiting = this.#watches.filter(({ lastFailure }) => lastFailure?.error.code === 'ACME_LINK_DOWN');
    for (const watch of waiting) watch.forgive();
    if (waiting.length > 0) void this.look();
  }

  /** Looks at every name once: asks for its window, orders what is due. A look that goes on is joined. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /**
   * Renews now, whether it is due or not.
   * @param name `undefined`: every name
   * @param isRehearsal only finds out whether it would work
   * @throws ACME_NAME_NOT_OURS, and what an order throws
   */
  async renew(name: string | undefined, isRehearsal: boolean): Promise<void> {
    const wanted = this.#watches.filter((watch) => name === undefined || watch.name === name);
    if (wanted.length === 0) throw new PosternError('ACME_NAME_NOT_OURS', { service: name ?? 'any name' });
    for (const watch of wanted) {
      await (isRehearsal ? this.#inLine(() => this.#run(watch, rehearseOrder)) : this.#orderOnce(watch));
    }
  }

  status(): readonly CertificateStatus[] {
    return this.#watches.map((watch) => watch.status());
  }

  /** Breaks off what runs, and resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the daemon ends'));
    this.#timer?.cancel();
    await this.#line.catch(() => {});
  }

  async #lookAtAll(): Promise<void> {
    for (const watch of this.#watches) await this.#attend(watch);
  }

  async #attend(watch: CertificateWatch): Promise<void> {
    if (watch.wantsRenewalInfo()) await this.#askForWindow(watch);
    if (!watch.isDue()) return watch.judge();
    await this.#orderOnce(watch).catch(() => {});
  }

  async #askForWindow(watch: CertificateWatch): Promise<void> {
    const { clock, settings, send, log } = this.#options;
    const chain = this.#options.certificates.find(watch.name)?.cert ?? '';
    try {
      const { client } = await openAcmeAccount({ settings, clock, send, signal: this.#stopping.signal });
      watch.suggest(await fetchRenewalInfo(client, chain));
    } catch (error) {
      watch.askAgainIn(ASK_AGAIN_MS);
      log.info({ service: watch.name, ...fieldsOf(error) }, 'no renewal information');
    }
  }

  /** An order that runs already, or waits for its turn, is joined. */
  #orderOnce(watch: CertificateWatch): Promise<void> {
    const known = this.#running.get(watch.name);
    if (known) return known;
    const order = this.#inLine(() => this.#order(watch)).finally(() => this.#running.delete(watch.name));
    this.#running.set(watch.name, order);
    return order;
  }

  /** @throws what went wrong, after it was written down */
  async #order(watch: CertificateWatch): Promise<void> {
    const { log, clock, certificates, random = Math.random } = this.#options;
    try {
      await this.#run(watch, orderCertificate);
      await certificates.refresh();
      watch.succeed();
      log.info({ service: watch.name }, 'certificate renewed');
    } catch (error) {
      if (this.#stopping.signal.aborted) throw error;
      watch.fail(asPosternError(error), retryDelayMs(error, watch.failures + 1, random), clock.nowMs());
      log.warn({ service: watch.name, ...fieldsOf(error) }, 'a certificate could not be had');
      throw error;
    }
  }

  async #run(watch: CertificateWatch, act: (options: OrderOptions) => Promise<void>): Promise<void> {
    const { settings, solver, clock, send, certificates, hasLogin } = this.#options;
    const { name } = watch;
    if (!(await hasLogin(name))) throw new PosternError('ACME_LOGIN_OFF', { service: name });
    if (solver.type === 'tls-alpn-01' && !this.#isLinkUp()) {
      throw new PosternError('ACME_LINK_DOWN', { service: name });
    }
    const inUse = certificates.find(name)?.cert;
    await act({ settings, solver, clock, send, name, inUse, signal: this.#stopping.signal });
  }

  #inLine<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#line
      .catch(() => {})
      .then(() => {
        this.#stopping.signal.throwIfAborted();
        return act();
      });
    this.#line = turn;
    return turn;
  }
}

function asPosternError(error: unknown): PosternError {
  if (isPosternError(error)) return error;
  return new PosternError(
    'INTERNAL',
    { reason: error instanceof Error ? error.message : String(error) },
    error,
  );
}

function fieldsOf(error: unknown): { code: string; reason: string } {
  const { code, message } = asPosternError(error);
  return { code, reason: message };
}
