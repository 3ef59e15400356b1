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

/** What a service's guard has found just now; services without one are open. */
export type GuardAnswer =
  | { readonly kind: 'open' }
  | { readonly kind: 'shut'; readonly code: string; readonly reason: string; readonly remedy: string };

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
  /** When the relay was last looked at from inside, by `postern verify --relay-root`; none: never. */
  readonly relayLookedAtMs?: number | undefined;
  readonly counts: { readonly connections: number; readonly requests: number; readonly webSockets: number };
}

/** The certificate of one name: an entry of `postern cert status --json`. */
export interface CertificateStatus {
  readonly name: string;
  /** acme: Postern gets and renews it. files: the configuration names its files. */
  readonly source: 'acme' | 'files';
  /** URL of the ACME directory; `undefined` for files. */
  readonly directory: string | undefined;
  readonly startsAtMs: number | undefined;
  /** `undefined`: there is no certificate yet. */
  readonly endsAtMs: number | undefined;
  /** When Postern means to renew it. */
  readonly renewAtMs: number | undefined;
  /** When the authority would like that (RFC 9773), and its page that says why. */
  readonly suggested:
    | { readonly startMs: number; readonly endMs: number; readonly explanation: string | undefined }
    | undefined;
  /** Attempts that failed since the last that did not. */
  readonly failures: number;
  readonly lastFailure:
    | { readonly atMs: number; readonly code: ErrorCode; readonly title: string; readonly remedy: string }
    | undefined;
  /** After a failure: not before then. */
  readonly nextTryAtMs: number | undefined;
}
