import type { Config, ServiceConfig } from '../config/schema.ts';
import type { Edge, ServiceState } from '../edge/contract.ts';
import type { ConnectionStatus } from '../link/contract.ts';
import { urlOf } from './compose.ts';
import type { CanaryStatus, DaemonState, DaemonStatus, Incident, ServiceStatus } from './contract.ts';
import { RELAY_SEES } from './relay-words.ts';

/** What a status is put together from. */
export interface StatusSources {
  readonly version: string;
  readonly pid: number;
  readonly state: DaemonState;
  readonly startedAtMs: number;
  readonly config: Config;
  readonly configPath: string;
  readonly connections: readonly ConnectionStatus[];
  readonly alerts: readonly Incident[];
  readonly counts: ReturnType<Edge['counts']>;
  /** By a service's name. */
  readonly guardOf: (name: string) => ServiceState;
  readonly canaryOf: (name: string) => CanaryStatus | undefined;
  readonly whyDown: (name: string) => string | undefined;
}

/** Pure. */
export function describeStatus(sources: StatusSources): DaemonStatus {
  const { version, pid, state, startedAtMs, config, configPath, connections, alerts, counts } = sources;
  const { host, port } = config.relay;
  return {
    version,
    pid,
    state,
    startedAtMs,
    configPath,
    relay: `${host}:${port}`,
    connections,
    services: config.services.map((service) => describeService(service, sources)),
    alerts,
    counts,
  };
}

function describeService(service: ServiceConfig, sources: StatusSources): ServiceStatus {
  const { name, to, kind, tls, auth } = service;
  const lastCanary = sources.canaryOf(name);
  const guard = sources.guardOf(name);
  const whyNot = whyUnreachable(service, sources, guard, lastCanary);
  return {
    name,
    url: urlOf(name, sources.config.relay.httpsPort),
    target: to,
    kind,
    tls,
    access: auth,
    relaySees: RELAY_SEES[tls],
    isOpen: guard.open,
    isReachable: whyNot === undefined && lastCanary !== undefined,
    whyNot,
    lastCanary,
  };
}

/** The first reason on a visitor's way that stops him. */
function whyUnreachable(
  { name, to }: ServiceConfig,
  { connections, whyDown }: StatusSources,
  guard: ServiceState,
  canary: CanaryStatus | undefined,
): string | undefined {
  if (!connections.some(({ state }) => state === 'up')) return 'no connection to the relay is up';
  // Before the canary: that the service is shut needs the operator, whatever the way there does meanwhile.
  if (!guard.open) return guard.reason;
  if (canary && !canary.isFine)
    return `a request of our own through the relay did not come back: ${canary.reason}`;
  const down = whyDown(name);
  return down === undefined ? undefined : `the service does not answer at ${to} (${down})`;
}
