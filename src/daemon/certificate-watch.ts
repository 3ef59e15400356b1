import { X509Certificate } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { PosternError } from '../core/errors/index.ts';
import type { CertificateStore } from '../edge/contract.ts';
import type { RenewalInfo, RenewalWindow } from '../edge/tls/acme/renewal-info.ts';
import type { CertificateFacts } from '../edge/tls/certificate-check.ts';
import { alarmTimeMs, chooseTimeMs, renewalTimeMs } from '../edge/tls/renewal-time.ts';
import type { AcmeSettings } from './certificate-account.ts';
import type { CertificateStatus } from './contract.ts';
import type { HealthTracker } from './health/tracker.ts';

export interface WatchOptions {
  readonly settings: AcmeSettings;
  readonly certificates: Pick<CertificateStore, 'find'>;
  readonly health: HealthTracker;
  readonly clock: Clock;
  readonly random?: () => number;
}

interface Failure {
  readonly error: PosternError;
  readonly atMs: number;
  /** Monotonic: a clock that is set back must not stop renewals. */
  readonly nextTryAtMs: number;
}

const NEVER = -Infinity;

/** What is known of one certificate by ACME, and what follows: is it due, may it be tried, is it an incident? */
export class CertificateWatch {
  readonly name: string;
  failures = 0;
  lastFailure: Failure | undefined;
  readonly #options: WatchOptions;
  #read: { readonly cert: string; readonly facts: CertificateFacts } | undefined;
  #suggested: { readonly info: RenewalInfo; readonly chosenMs: number } | undefined;
  /** Monotonic. */
  #askAgainAtMs = NEVER;

  constructor(name: string, options: WatchOptions) {
    this.name = name;
    this.#options = options;
  }

  /** No certificate, or its time has come; and the pause after a failure is over. */
  isDue(): boolean {
    const { clock } = this.#options;
    if (this.lastFailure && clock.monotonicMs() < this.lastFailure.nextTryAtMs) return false;
    const renewAtMs = this.#renewAtMs();
    return renewAtMs === undefined || clock.nowMs() >= renewAtMs;
  }

  wantsRenewalInfo(): boolean {
    return this.#facts() !== undefined && this.#options.clock.monotonicMs() >= this.#askAgainAtMs;
  }

  /** A time in the window is chosen once for each window. @param info `undefined`: the authority makes no suggestions */
  suggest(info: RenewalInfo | undefined): void {
    const { random = Math.random } = this.#options;
    this.askAgainIn(info?.askAgainMs ?? NO_SUGGESTIONS_MS);
    const known = this.#suggested;
    if (info && known && isSameWindow(info.window, known.info.window)) {
      this.#suggested = { info, chosenMs: known.chosenMs };
    } else {
      this.#suggested = info && { info, chosenMs: chooseTimeMs(info.window, random) };
    }
  }

  askAgainIn(delayMs: number): void {
    this.#askAgainAtMs = this.#options.clock.monotonicMs() + delayMs;
  }

  succeed(): void {
    this.failures = 0;
    this.lastFailure = undefined;
    this.judge();
  }

  fail(error: PosternError, retryInMs: number, nowMs: number): void {
    this.failures++;
    const nextTryAtMs = this.#options.clock.monotonicMs() + retryInMs;
    this.lastFailure = { error, atMs: nowMs, nextTryAtMs };
    this.judge();
  }

  /** The next attempt need not wait. */
  forgive(): void {
    if (this.lastFailure) this.lastFailure = { ...this.lastFailure, nextTryAtMs: NEVER };
  }

  /** Tells health how it stands. */
  judge(): void {
    const { health, clock } = this.#options;
    const facts = this.#facts();
    const reason = this.lastFailure?.error.message ?? 'it is being asked for';
    if (facts) health.clear('ACME_NO_CERTIFICATE', this.name);
    else health.report('ACME_NO_CERTIFICATE', this.name, { service: this.name, reason });
    if (!facts || clock.nowMs() < alarmTimeMs(facts)) return health.clear('ACME_RENEWAL_LATE', this.name);
    const date = new Date(facts.endsMs).toISOString().slice(0, 10);
    health.report('ACME_RENEWAL_LATE', this.name, { service: this.name, date, reason });
  }

  status(): CertificateStatus {
    const { clock, settings } = this.#options;
    const facts = this.#facts();
    const failure = this.lastFailure;
    const info = this.#suggested?.info;
    return {
      name: this.name,
      source: 'acme',
      directory: settings.directoryUrl,
      startsAtMs: facts?.startsMs,
      endsAtMs: facts?.endsMs,
      renewAtMs: this.#renewAtMs(),
      suggested: info && { ...info.window, explanation: info.explanation },
      failures: this.failures,
      lastFailure: failure && {
        atMs: failure.atMs,
        code: failure.error.code,
        title: failure.error.message,
        remedy: failure.error.remedy,
      },
      nextTryAtMs: failure && clock.nowMs() + Math.max(0, failure.nextTryAtMs - clock.monotonicMs()),
    };
  }

  #renewAtMs(): number | undefined {
    const facts = this.#facts();
    return facts && renewalTimeMs(facts, this.#suggested?.chosenMs);
  }

  /** Of the certificate in use; a new one knows no window yet. */
  #facts(): CertificateFacts | undefined {
    const cert = this.#options.certificates.find(this.name)?.cert;
    if (cert === this.#read?.cert) return this.#read?.facts;
    this.#suggested = undefined;
    this.#askAgainAtMs = NEVER;
    this.#read = cert === undefined ? undefined : { cert, facts: factsOf(cert) };
    return this.#read?.facts;
  }
}

/** An authority without suggestions may learn to make them. */
const NO_SUGGESTIONS_MS = 24 * 3_600_000;

function isSameWindow(one: RenewalWindow, other: RenewalWindow): boolean {
  return one.startMs === other.startMs && one.endMs === other.endMs;
}

function factsOf(cert: string): CertificateFacts {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return { startsMs: validFromDate.getTime(), endsMs: validToDate.getTime() };
}
