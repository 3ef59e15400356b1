import type { ErrorCode } from '../core/errors/index.ts';
import type { ConnectionStatus } from '../link/contract.ts';

/**
 * What the daemon says of itself: the answer of `GET /v1/status`, and so of `postern status --json`.
 * Types only, so that a command which asks does not load what answers. Times are milliseconds since 1970.
 */

export type DaemonState = 'starting' | 'running' | 'draining';

/** Something that is broken now, or has been until a moment ago. */
export interface Incident {
  readonly code: ErrorCode;
  /** What it is about: a service's name, a connection's slot; empty for the whole. */
  readonly subject: string;
  readonly title: string;
  readonly remedy: string;
  readonly sinceMs: number;
}

/** A request of our own through the public name. */
export interface CanaryStatus {
  readonly atMs: number;
  readonly isFine: boolean;
  /** From the connect to the last byte. */
  readonly tookMs: number | undefined;
  readonly reason: string | undefined;
}

export interface ServiceStatus {
  readonly name: string;
  readonly url: string;
  /** Where it listens at home, as in the configuration. */
  readonly target: string;
  readonly kind: 'web' | 'openclaw';
  readonly tls: 'home' | 'relay';
  readonly access: 'login' | 'none';
  /** What the relay can see in this mode, in words. */
  readonly relaySees: string;
  /** Shut by a guard, or open. */
  readonly isOpen: boolean;
  /** Does a visitor reach it: open, the last canary came back, and the service itself accepts connections. */
  readonly isReachable: boolean;
  /** Why not; `undefined` when it is reachable, and before the first look. */
  readonly whyNot: string | undefined;
  readonly lastCanary: CanaryStatus | undefined;
}

export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  readonly state: DaemonState;
  readonly startedAtMs: number;
  readonly configPath: string;
  readonly relay: string;
  readonly connections: readonly ConnectionStatus[];
  readonly services: readonly ServiceStatus[];
  readonly alerts: readonly Incident[];
  readonly counts: { readonly connections: number; readonly requests: number; readonly webSockets: number };
}
