import type { Clock } from '../core/clock.ts';
import type { ErrorCode } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';

/** The server that carries the link, as ssh needs it. */
export interface RelayAddress {
  readonly host: string;
  readonly port: number;
  readonly account: string;
  /** Private key file, or none: then the agent's keys. */
  readonly identityFile: string | undefined;
  /** File with the pinned host key; no other is believed. */
  readonly knownHostsFile: string;
}

/** One `-R` of a connection: what the relay's nginx connects to, and where it ends at home. */
export interface Forward {
  readonly remote: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly local: { readonly path: string } | { readonly host: string; readonly port: number };
}

/** The home's end of one connection: opened before ssh starts, closed after it has ended. */
export interface HomeEnd {
  readonly forwards: readonly Forward[];
  /**
   * Resolves once a request has passed through this connection: only then the older one of the slot is told to go.
   * May come late: a daemon that takes over keeps it open until the older daemon has drained its streams.
   * The connection counts as up all the same.
   */
  readonly passed: Promise<void>;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly relay: RelayAddress;
  /** Number of connections; slots are 1..connections. */
  readonly connections: number;
  readonly heartbeatMs: number;
  /** What ssh asks the relay to run: `link SLOT` for the forced command; the session script itself where there is none. */
  readonly remoteCommand: (slot: number) => string;
  /** Makes the home's end of a new connection. Called once for each ssh process. */
  readonly openHomeEnd: (slot: number, generation: number) => Promise<HomeEnd>;
  /** Sends requests through the public name until one has passed or `signal` aborts; errors mean "not yet". */
  readonly sendProbe: (signal: AbortSignal) => Promise<void>;
  /** Folder for pid files of ssh processes, 0700. */
  readonly runFolder: string;
  readonly clock: Clock;
  readonly log: Log;
}

export type ConnectionState = 'connecting' | 'up' | 'suspect' | 'waiting' | 'stopped';

export interface ConnectionStatus {
  readonly slot: number;
  readonly state: ConnectionState;
  /** Measured by the last heartbeat, milliseconds. */
  readonly roundTripMs: number | undefined;
  /** When the present state began, milliseconds since 1970. */
  readonly sinceMs: number;
  /** ssh processes started for this slot after the first. */
  readonly restarts: number;
  readonly lastError: { readonly code: ErrorCode; readonly text: string; readonly atMs: number } | undefined;
}

export type LinkEvent =
  | { readonly kind: 'up'; readonly slot: number; readonly roundTripMs: number | undefined }
  | { readonly kind: 'down'; readonly slot: number; readonly code: ErrorCode; readonly text: string }
  | { readonly kind: 'halted'; readonly code: ErrorCode; readonly text: string }
  | { readonly kind: 'round-trip'; readonly slot: number; readonly roundTripMs: number };

export interface Link {
  status(): readonly ConnectionStatus[];
  onEvent(callback: (event: LinkEvent) => void): () => void;
  /** Resolves when the first connection is up; rejects with the error that stops all attempts (authentication, host key). */
  readonly ready: Promise<void>;
  /** Something changed outside (wake, address): look at every connection now. */
  probeNow(reason: string): void;
  /**
   * No new ssh is started until the returned function is called; connections that are up stay, those that end stay away.
   * A daemon that is being replaced holds its link, so that it does not take the names back from the new one.
   */
  hold(): () => void;
  /** Ends every connection. */
  stop(): Promise<void>;
}
