import type { Config, ServiceConfig } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import type { Secret } from '../core/secret.ts';
import type { Visit, VisitAnswer } from '../platform/visit.ts';
import type { CheckCode } from './catalogue.ts';

/**
 * shut           it was tried, and refused as it has to be
 * open           it was tried, and was not refused
 * unknown        it could not be tried
 * not-asked      it needs more than was asked for (`--relay-root`), so nobody looked: never a good sign
 * skipped        a prerequisite is not shut, so that the answer would say nothing
 * not-applicable there is no such door in this configuration
 */
export type Outcome = 'shut' | 'open' | 'unknown' | 'not-asked' | 'skipped' | 'not-applicable';

/** One request of a check and what came back: printable, bounded, without secrets. */
export interface Exchange {
  readonly request: string;
  readonly answer: string;
  readonly tookMs: number;
}

/** What a look has found. */
export interface Finding {
  readonly outcome: Exclude<Outcome, 'skipped'>;
  /** One sentence without final stop. */
  readonly evidence: string;
  readonly exchanges?: readonly Exchange[];
}

/** A finding in its place. */
export interface CheckResult {
  readonly code: CheckCode;
  /** A service's name; empty for the whole home. */
  readonly subject: string;
  readonly outcome: Outcome;
  readonly evidence: string;
  /** Only where the door is open or could not be tried. */
  readonly remedy: string | undefined;
  readonly exchanges: readonly Exchange[];
  readonly atMs: number;
  readonly tookMs: number;
}

export type LayerState = 'on' | 'off' | 'not-applicable' | 'not-looked-at';

/** One of the six layers of a service. */
export interface Layer {
  readonly layer: string;
  readonly service: string;
  readonly state: LayerState;
  readonly evidence: string;
}

export interface Verification {
  readonly atMs: number;
  /** Where visitors arrive, and where ssh does. */
  readonly front: string;
  readonly relay: string;
  readonly checks: readonly CheckResult[];
  readonly layers: readonly Layer[];
  /** When the relay was last looked at from inside; `undefined`: never. */
  readonly relayRootAtMs: number | undefined;
  /** Services that were shut because their login did not hold. */
  readonly shutServices: readonly string[];
}

/** A file that Postern owns or reads secrets from. */
export interface OwnFile {
  readonly path: string;
  readonly what: string;
  /** Whether others may read it. */
  readonly mayBeRead: boolean;
}

/** The TCP port of a service. */
export interface ServiceAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** What the guard of a `kind: openclaw` service says, asked now. */
export type GuardWord =
  | { readonly kind: 'open' }
  | { readonly kind: 'shut'; readonly code: string; readonly reason: string; readonly remedy: string };

/** Runs a fixed POSIX script as root on the relay; throws when it cannot. */
export type RelayShell = (
  text: string,
  args: readonly string[],
) => Promise<{ readonly status: number; readonly stdout: string }>;

/** What was seen of the link by the one who holds it. */
export interface LinkFacts {
  /** Connections that are up, and in all; `undefined`: the daemon does not answer. */
  readonly up: number | undefined;
  readonly total: number;
  readonly ciphers: string;
  /** SHA-256 of the pinned host key, as ssh-keygen prints it; `undefined`: none is pinned. */
  readonly hostKey: string | undefined;
}

/** Everything that verify does not know by itself. */
export interface Surroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly visit: (options: Visit) => Promise<VisitAnswer>;
  /** Where visitors arrive. */
  readonly front: { readonly host: string; readonly port: number; readonly plainPort: number };
  /** A canary request for now, and the answer that proves it was this home. */
  readonly makeCanary: () => { readonly path: string; readonly expectedBody: string };
  /** SHA-256 of the certificate at home, as X509Certificate has it; `undefined`: it cannot be read. */
  readonly certificateOf: (service: string) => Promise<string | undefined>;
  /** Where a service listens, when that is a TCP port. */
  readonly targetOf: (service: ServiceConfig) => ServiceAddress | undefined;
  /** Addresses of this machine that others can reach. */
  readonly ownAddresses: () => readonly string[];
  /** Does somebody accept connections there? `undefined`: yes, else why not. */
  readonly whyUnreachable: (address: { host: string; port: number }) => Promise<string | undefined>;
  readonly ownFiles: readonly OwnFile[];
  /** Permission bits and owner of a file; `undefined`: it is not there. */
  readonly modeOf: (path: string) => Promise<{ readonly mode: number; readonly isOurs: boolean } | undefined>;
  readonly askGuard: (service: string) => Promise<GuardWord>;
  /** The gateway's token, where the configuration names it. @throws when it cannot be read */
  readonly gatewayToken: (() => Promise<Secret>) | undefined;
  readonly link: LinkFacts;
  /** Only with `--relay-root`. */
  readonly relayShell: RelayShell | undefined;
  /** Shuts a service at once; returns whether that was done. */
  readonly shutService: ((service: string, answer: string) => Promise<boolean>) | undefined;
  readonly relayRootAtMs: number | undefined;
}

/** What a look gets. Checks of the whole home get the first service, and must not use it. */
export interface LookInput extends Surroundings {
  readonly service: ServiceConfig;
  readonly services: readonly ServiceConfig[];
}

export type Look = (input: LookInput) => Promise<Finding>;
