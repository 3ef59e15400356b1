import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Edge } from '../edge/contract.ts';
import { type TlsAnswer, type TlsRequest, requestOverTls } from '../platform/tls-request.ts';
import type { CertificateFiles } from './certificates.ts';
import type { CanaryStatus } from './contract.ts';
import type { HealthTracker } from './health/tracker.ts';

/** A service as the canary needs it. */
export interface CanaryTarget {
  readonly name: string;
  readonly url: string;
  readonly tls: 'home' | 'relay';
  /** The relay asks for a password first, so its refusal is all that can be seen. */
  readonly isBehindBasicAuth: boolean;
}

export interface CanaryOptions {
  readonly targets: readonly CanaryTarget[];
  /** Where visitors arrive: the relay itself, so that a DNS record that is wrong or cached elsewhere does not matter here. */
  readonly relay: { readonly host: string; readonly port: number };
  readonly edge: Pick<Edge, 'makeCanary'>;
  readonly certificates: Pick<CertificateFiles, 'isOurs' | 'find'>;
  readonly health: HealthTracker;
  readonly clock: Clock;
  readonly log: Log;
  readonly request?: (options: TlsRequest) => Promise<TlsAnswer>;
}

export const CANARY_INTERVAL_MS = 30_000;
/** After a failure the next look comes sooner: that decides whether it was a blip. */
const CANARY_AGAIN_MS = 5000;
const TIMEOUT_MS = 5000;

/** Requests of our own through the public names, by the way a visitor takes. */
export class Canary {
  readonly #options: CanaryOptions;
  readonly #last = new Map<string, CanaryStatus>();
  readonly #stopping = new AbortController();
  #timer: Timer | undefined;

  constructor(options: CanaryOptions) {
    this.#options = options;
  }

  /** The last canary of a service. */
  last(name: string): CanaryStatus | undefined {
    return this.#last.get(name);
  }

  /** Looks at every service now and from then on every 30 s. */
  async start(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const results = await Promise.all(this.#options.targets.map((target) => this.#look(target)));
    if (this.#stopping.signal.aborted) return;
    const delayMs = results.every(({ isFine }) => isFine) ? CANARY_INTERVAL_MS : CANARY_AGAIN_MS;
    this.#timer = this.#options.clock.after(delayMs, () => void this.start());
  }

  /**
   * One request through the public name, for the link to see whether a new connection carries.
   * @throws when it did not come back
   */
  async sendProbe(signal: AbortSignal): Promise<void> {
    const target = this.#options.targets.find((one) => this.#canComeThrough(one));
    if (!target) return;
    // That it came through is proven by the edge, which sees it: whoever the certificate is from.
    const answer = await this.#send(target, signal, () => undefined);
    if (!answer.ok) throw new Error(answer.reason);
  }

  /** Is there a name that a request of our own can come through at all? */
  canProbe(): boolean {
    return this.#options.targets.some((target) => this.#canComeThrough(target));
  }

  /** Not where the relay asks for a password, and not before a name has its first certificate. */
  #canComeThrough({ name, tls, isBehindBasicAuth }: CanaryTarget): boolean {
    return !isBehindBasicAuth && (tls === 'relay' || this.#options.certificates.find(name) !== undefined);
  }

  stop(): void {
    this.#stopping.abort(new Error('the canary was stopped'));
    this.#timer?.cancel();
  }

  async #look(target: CanaryTarget): Promise<CanaryStatus> {
    const answer = await this.#send(target, this.#stopping.signal, this.#certificateJudge(target));
    const status: CanaryStatus = {
      atMs: this.#options.clock.nowMs(),
      isFine: answer.ok,
      tookMs: answer.ok ? Math.round(answer.tookMs * 10) / 10 : undefined,
      reason: answer.ok ? undefined : answer.reason,
    };
    if (this.#stopping.signal.aborted) return status;
    this.#last.set(target.name, status);
    this.#judge(target, answer);
    return status;
  }

  #judge({ name, url }: CanaryTarget, answer: TlsAnswer): void {
    const { health } = this.#options;
    if (answer.ok) {
      health.clear('CANARY_FAILED', name);
      return health.clear('CANARY_FOREIGN_CERTIFICATE', name);
    }
    const code = answer.failure === 'certificate' ? 'CANARY_FOREIGN_CERTIFICATE' : 'CANARY_FAILED';
    health.report(code, name, { url, reason: answer.reason });
    // Who cannot be reached shows no certificate, so that says nothing about an earlier foreign one.
    if (code === 'CANARY_FOREIGN_CERTIFICATE' || answer.failure === 'no-answer') {
      health.clear(code === 'CANARY_FAILED' ? 'CANARY_FOREIGN_CERTIFICATE' : 'CANARY_FAILED', name);
    }
  }

  /** Ours and no other where TLS ends at home; where it ends on the relay, the system's authorities decide. */
  #certificateJudge({ name, tls }: CanaryTarget): TlsRequest['judgeCertificate'] {
    if (tls === 'relay') return undefined;
    return (shown) =>
      this.#options.certificates.isOurs(name, shown)
        ? undefined
        : `its SHA-256 is ${shown.fingerprint256.replaceAll(':', '').toLowerCase()}`;
  }

  async #send(
    { name, isBehindBasicAuth }: CanaryTarget,
    signal: AbortSignal,
    judgeCertificate: TlsRequest['judgeCertificate'],
  ): Promise<TlsAnswer> {
    const { relay, edge, request = requestOverTls } = this.#options;
    const { path, expectedBody } = edge.makeCanary();
    const answer = await request({
      ...relay,
      serverName: name,
      path,
      timeoutMs: TIMEOUT_MS,
      signal,
      ...(judgeCertificate ? { judgeCertificate } : {}),
    });
    if (!answer.ok || answer.body === expectedBody) return answer;
    if (isBehindBasicAuth && answer.status === 401) return answer;
    return {
      ok: false,
      failure: 'no-answer',
      reason: `somebody else answered, with status ${answer.status}`,
    };
  }
}
