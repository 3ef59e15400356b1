import { X509Certificate } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';
import type { Edge } from '../edge/contract.ts';
import { type Visit, type VisitAnswer, visit } from '../platform/visit.ts';
import { type CheckCode, CHECK_LIST } from '../verify/catalogue.ts';
import type { CheckResult, Surroundings } from '../verify/contract.ts';
import { LOGIN_CHECKS, verify } from '../verify/run.ts';
import type { CertificateFiles } from './certificates.ts';
import { urlOf } from './compose.ts';
import type { HealthTracker } from './health/tracker.ts';
import type { ServiceStates } from './service-states.ts';

export interface VerifyWatchOptions {
  readonly config: Config;
  readonly edge: Pick<Edge, 'makeCanary'>;
  readonly certificates: Pick<CertificateFiles, 'find'>;
  readonly states: ServiceStates;
  readonly health: HealthTracker;
  readonly clock: Clock;
  readonly log: Log;
  readonly visit?: (options: Visit) => Promise<VisitAnswer>;
}

const FIRST_LOOK_MS = 60_000;
const INTERVAL_MS = 3_600_000;
/** A service that was shut is looked at often: somebody is mending it and waits. */
const SHUT_MS = 5000;

/** What a visitor could try; the rest needs rights that the daemon has not. */
const PUBLIC_CHECKS = CHECK_LIST.filter(({ vantage }) => vantage === 'public').map(({ code }) => code);

/**
 * Tries the public wrong doors every hour. A service whose login does not hold is shut, and stays so until a look finds
 * that it holds again.
 */
export class VerifyWatch {
  readonly #options: VerifyWatchOptions;
  readonly #shut = new Map<string, Timer>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: VerifyWatchOptions) {
    this.#options = options;
  }

  /** Looks a minute from now, and from then on every hour. */
  start(): void {
    this.#plan(FIRST_LOOK_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    for (const timer of this.#shut.values()) timer.cancel();
  }

  /**
   * Shuts a service whose login does not hold.
   * @param answer what a stranger got, one line
   * @returns false when there is no such service, or when it is open by hand
   */
  shut(name: string, answer: string): boolean {
    const { config, states, health, log } = this.#options;
    const service = config.services.find((one) => one.name === name);
    if (!service || service.auth === 'none' || this.#isStopped) return false;
    const details = { url: urlOf(name, config.relay.httpsPort), answer, service: name };
    states.set('login', name, { open: false, reason: new PosternError('VERIFY_LOGIN_OFF', details).message });
    health.report('VERIFY_LOGIN_OFF', name, details);
    log.warn({ service: name, answer }, 'the login does not hold: service shut');
    this.#planReturn(name);
    return true;
  }

  /** One round over all services. */
  async look(): Promise<void> {
    const { health, config } = this.#options;
    const checks = await this.#verify(undefined, PUBLIC_CHECKS);
    if (this.#isStopped) return;
    for (const { name } of config.services) {
      const open = checks.filter(({ subject, outcome }) => subject === name && outcome === 'open');
      const others = open.map(({ code }) => code).filter((code) => !LOGIN_CHECKS.includes(code));
      if (others.length === 0) health.clear('VERIFY_DOOR_OPEN', name);
      else health.report('VERIFY_DOOR_OPEN', name, { count: others.length, codes: others.join(', ') });
    }
  }

  #plan(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(delayMs, () => void this.#lookAndPlan());
  }

  async #lookAndPlan(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      this.#options.log.error({ error }, 'the look at the public doors failed');
    }
    this.#plan(INTERVAL_MS);
  }

  #planReturn(name: string): void {
    this.#shut.get(name)?.cancel();
    this.#shut.set(
      name,
      this.#options.clock.after(SHUT_MS, () => void this.#lookAgain(name)),
    );
  }

  async #lookAgain(name: string): Promise<void> {
    const checks = await this.#verify([name], LOGIN_CHECKS);
    if (this.#isStopped) return;
    // Everything has to be seen to hold; what could not be looked at opens nothing.
    const holds = checks.every(({ outcome }) => outcome === 'shut' || outcome === 'not-applicable');
    if (!holds) return this.#planReturn(name);
    this.#shut.delete(name);
    this.#options.states.set('login', name, { open: true });
    this.#options.health.clear('VERIFY_LOGIN_OFF', name);
    this.#options.log.info({ service: name }, 'the login holds again: service opened');
  }

  async #verify(
    names: readonly string[] | undefined,
    codes: readonly CheckCode[],
  ): Promise<readonly CheckResult[]> {
    const surroundings = this.#surroundings();
    const { checks } = await verify({ surroundings, codes, ...(names ? { names } : {}) });
    return checks;
  }

  #surroundings(): Surroundings {
    const { config, edge, clock, certificates } = this.#options;
    return {
      config,
      clock,
      visit: this.#options.visit ?? visit,
      front: { host: config.relay.host, port: config.relay.httpsPort, plainPort: 80 },
      makeCanary: () => edge.makeCanary(),
      certificateOf: (service) => Promise.resolve(fingerprintOf(certificates.find(service)?.cert)),
      shutService: (service, answer) => Promise.resolve(this.shut(service, answer)),
      ...HANDLESS,
    };
  }
}

function fingerprintOf(pem: string | undefined): string | undefined {
  return pem === undefined ? undefined : new X509Certificate(pem).fingerprint256;
}

/** What only other vantages need; none of their checks is asked for here. */
const HANDLESS = {
  targetOf: () => undefined,
  ownAddresses: () => [],
  whyUnreachable: () => Promise.resolve('not asked'),
  ownFiles: [],
  modeOf: () => Promise.resolve(undefined),
  askGuard: () => Promise.reject(new Error('not asked')),
  gatewayToken: undefined,
  link: { up: undefined, total: 0, ciphers: '', hostKey: undefined },
  relayShell: undefined,
  relayRootAtMs: undefined,
} as const satisfies Partial<Surroundings>;
