import type { Config } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';
import type { Edge } from '../edge/contract.ts';
import {
  HANDSHAKE_PATH,
  READINESS_PATH,
  judgeHandshake,
  judgeStrangerAnswer,
} from '../gateway/stranger-guard.ts';
import type { HomeFolder } from '../platform/home-folder.ts';
import { tellAlerts } from './alerts.ts';
import { Canary } from './canary.ts';
import { type CertificateCare, takeCareOfCertificates } from './certificate-care.ts';
import { type CertificateFiles, openCertificateFiles } from './certificates.ts';
import { canaryTargetsOf, certificateSourcesOf, edgeServicesOf, watchedServicesOf } from './compose.ts';
import { Guard } from './guard.ts';
import { HealthTracker } from './health/tracker.ts';
import type { DaemonParts, Login } from './parts.ts';
import { canaryKeyOf } from './run-folder.ts';
import { ServiceStates } from './service-states.ts';
import { ServiceWatch } from './service-watch.ts';
import { VerifyWatch } from './verify-watch.ts';

export interface HouseOptions {
  readonly config: Config;
  readonly configPath: string;
  readonly folder: HomeFolder;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Log;
  readonly parts: DaemonParts;
}

/** Everything of a daemon that stands at home: all but the link and the control socket. */
export interface House {
  readonly login: Login;
  readonly edge: Edge;
  readonly health: HealthTracker;
  readonly certificates: CertificateFiles;
  readonly certificateCare: CertificateCare;
  readonly canary: Canary;
  readonly guard: Guard;
  readonly watch: ServiceWatch;
  readonly states: ServiceStates;
  readonly verifyWatch: VerifyWatch;
  /** Ends everything at once, in the reverse order of its making. */
  close(): Promise<void>;
}

const STRANGER_TIMEOUT_MS = 5000;

/**
 * Makes and joins the parts. When one of them fails, those that were made before it are closed again.
 * @throws AUTH_NO_USER, CERTIFICATE_MISSING, CERTIFICATE_UNREADABLE, DAEMON_STATE_UNUSABLE, and errors of the parts
 */
export async function buildHouse(options: HouseOptions): Promise<House> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { ...(await build(options, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(options: HouseOptions, closers: (() => unknown)[]): Promise<Omit<House, 'close'>> {
  const { config, configPath, folder, env, clock, log, parts } = options;
  const health = new HealthTracker(clock);
  const stopAlerts = tellAlerts(health, { exec: config.alerts.exec, env, log });
  closers.push(
    () => stopAlerts(),
    () => health.stop(),
  );
  const login = await parts.openLogin({ databaseFile: folder.databaseFile, config, clock, log });
  closers.push(() => login.close());
  await refuseWithoutUser(config, login);
  const sources = certificateSourcesOf(config, configPath, folder.certs);
  const certificates = await openCertificateFiles({ sources, clock, log, health });
  closers.push(() => certificates.stop());
  const certificateCare = await takeCareOfCertificates({ ...options, sources, certificates, health, login });
  closers.push(() => certificateCare.stop());
  const edge = await parts.startEdge({
    services: edgeServicesOf(config),
    gate: config.gate,
    gatekeeper: login.gatekeeper,
    certificates,
    limits: config.limits,
    clock,
    log,
    canaryKey: await canaryKeyOf(folder),
    publicPort: config.relay.httpsPort,
  });
  closers.push(() => edge.close());
  const states = new ServiceStates((name, state) => edge.setServiceState(name, state));
  const guard = makeGuard(options, edge, health, states);
  closers.push(() => guard.stop());
  const watch = new ServiceWatch({ services: watchedServicesOf(config), health, clock });
  closers.push(() => watch.stop());
  const relay = { host: config.relay.host, port: config.relay.httpsPort };
  const targets = canaryTargetsOf(config);
  const canary = new Canary({ targets, relay, edge, certificates, health, clock, log });
  closers.push(() => canary.stop());
  const verifyWatch = new VerifyWatch({ config, edge, certificates, states, health, clock, log });
  closers.push(() => verifyWatch.stop());
  return { login, edge, health, certificates, certificateCare, canary, guard, watch, states, verifyWatch };
}

/** Nothing is published that nobody could sign in to, unless every service is open by hand. */
async function refuseWithoutUser(config: Config, login: Login): Promise<void> {
  if (config.services.every(({ auth }) => auth === 'none')) return;
  if ((await login.admin.listUsers()).length === 0) throw new PosternError('AUTH_NO_USER');
}

/** `kind: openclaw` goes live only after the gateway has shown that it takes a stranger for one. */
function makeGuard(
  { config, clock, log }: HouseOptions,
  edge: Edge,
  health: HealthTracker,
  states: ServiceStates,
): Guard {
  return new Guard({
    services: config.services.filter(({ kind }) => kind === 'openclaw').map(({ name }) => name),
    check: async (name) => {
      const answer = await edge.askAsStranger(name, READINESS_PATH, STRANGER_TIMEOUT_MS);
      const verdict = judgeStrangerAnswer(name, answer);
      if (verdict.kind === 'shut') return verdict;
      return judgeHandshake(name, await edge.openAsStranger(name, HANDSHAKE_PATH, STRANGER_TIMEOUT_MS));
    },
    setState: (name, state) => states.set('guard', name, state),
    health,
    clock,
    log,
  });
}
