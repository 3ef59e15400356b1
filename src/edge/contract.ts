import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Limits } from '../config/schema.ts';
import type { Gatekeeper } from './auth/contract.ts';

/** Where a service listens at home. */
export type Target =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly kind: 'unix'; readonly path: string };

/** A published service, as the edge knows it. */
export interface EdgeService {
  /** Public host name, lower case. */
  readonly name: string;
  readonly target: Target;
  /**
   * Where its TLS ends, and so the only kind of door that it is served on: what the relay hands on as plain HTTP must not
   * be a name whose TLS ends at home. Left out: any door.
   */
  readonly tls?: 'home' | 'relay';
  /** `none` was written by hand in the configuration; everything else needs a login. */
  readonly access: 'login' | 'none';
  /**
   * Default-deny of single paths, whatever the visitor may be (kind: openclaw; made by gateway/).
   * @param rawPath the path as the visitor sent it, without the query
   */
  readonly isPathDenied: (rawPath: string) => boolean;
}

/** A certificate chain and its key in PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** Where the edge finds the certificate of a name; `undefined`: that name is not ours, the handshake is refused. */
export interface CertificateStore {
  find(serverName: string): CertificatePair | undefined;
  /**
   * The certificate that answers a pending TLS-ALPN-01 challenge (RFC 8737) of a name. Shown to nobody but a client that
   * offers `acme-tls/1` and no other protocol.
   */
  findChallenge(serverName: string): CertificatePair | undefined;
  /** Calls back when a name's certificate has changed, so that contexts are made anew. Returns the way to stop that. */
  onChange(callback: (serverName: string) => void): () => void;
}

/** Where a door of the edge is. A unix socket in a 0700 folder; on Windows a loopback port. */
export type DoorAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * link-tls   from the relay's nginx stream: a PROXY header, then TLS that ends here (tls: home)
 * link-http  from the relay's nginx site: HTTP; its one X-Forwarded-For is believed (tls: relay)
 */
export type DoorKind = 'link-tls' | 'link-http';

/** One listening socket of the edge; each ssh connection of the link has its own. */
export interface Door {
  readonly address: DoorAddress;
  /** Resolves once a request has come in through this door and its answer has been sent. */
  readonly passed: Promise<void>;
  /** Stops listening; connections that are open stay. */
  close(): Promise<void>;
}

/** Is a service open, and why not. The daemon shuts a service whose guard failed. */
export type ServiceState = { readonly open: true } | { readonly open: false; readonly reason: string };

export interface EdgeOptions {
  readonly services: readonly EdgeService[];
  /** Name of the sign-in origin that no service shares, if there is one. */
  readonly gate: string | undefined;
  readonly gatekeeper: Gatekeeper;
  readonly certificates: CertificateStore;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  /** 32 random bytes shared by the daemons of this home: who knows it made the canary. */
  readonly canaryKey: Uint8Array;
  /** The port that visitors see in the URL: 443, or the demo's. */
  readonly publicPort: number;
  /**
   * Is this address, as canonical text, one of this machine's own? Whoever comes under it is `unknown`, like the private
   * ones: a service may take its own machine's address for its owner. What a NAT or the relay shows is not among them.
   * Left out: no address is.
   */
  readonly isOwnAddress?: (address: string) => boolean;
  /** How long browsers are told to use HTTPS only (RFC 6797), seconds; default one year. 0 takes every promise back. */
  readonly hstsSeconds?: number;
}

/** The answer to a request that Postern itself makes to a service. */
export interface ProbeAnswer {
  readonly status: number;
  /** At most 64 KiB. */
  readonly body: string;
}

/** What a service said to a WebSocket handshake. */
export interface UpgradeAnswer {
  /** 101 when it agreed. */
  readonly status: number;
  /** What it then said first, unasked; at most 64 KiB of text in one frame. */
  readonly firstMessage: string | undefined;
}

export interface EdgeCounts {
  readonly connections: number;
  readonly requests: number;
  readonly webSockets: number;
}

/** The running edge. */
export interface Edge {
  openDoor(kind: DoorKind, address: DoorAddress): Promise<Door>;
  setServiceState(serviceName: string, state: ServiceState): void;
  /**
   * Asks a service as a stranger would be passed on: the same headers stamped by the same code, no credentials.
   * @param path such as `/readyz`
   * @throws EDGE_SERVICE_DOWN when the service does not answer
   */
  askAsStranger(serviceName: string, path: string, timeoutMs: number): Promise<ProbeAnswer>;
  /**
   * Opens a WebSocket to a service as a stranger's would be, reads what the service says first, and closes it.
   * @throws EDGE_SERVICE_DOWN when the service does not answer
   */
  openAsStranger(serviceName: string, path: string, timeoutMs: number): Promise<UpgradeAnswer>;
  /** The path of a canary request for now, and the answer that proves it came from this home's edge. */
  makeCanary(): { readonly path: string; readonly expectedBody: string };
  counts(): EdgeCounts;
  /** No new work; running requests and streams get `limits.drainMs`, then everything is closed. */
  drain(): Promise<void>;
  /** Closes everything at once. */
  close(): Promise<void>;
}
