import type { ClientAddress, Principal, Revocation } from './auth/contract.ts';
import type { DoorKind } from './contract.ts';
import type { Place, Seat } from './limits/connection-limits.ts';

/** What is known of a connection before its first request. */
export interface Arrival {
  readonly doorKind: DoorKind;
  readonly client: ClientAddress;
  /** The name that TLS was made for; `undefined` on the door without TLS. */
  readonly serverName: string | undefined;
  readonly seat: Seat;
  readonly place: Place;
  /** A request of this connection has been answered: its door works. */
  readonly onPassed: () => void;
}

/** A connection of a visitor, of either protocol. */
export interface VisitorConnection {
  /** No more requests than those that are running. */
  drain(): void;
  /** Ends at once. */
  destroy(): void;
  /** Whose requests and tunnels are running. */
  principals(): Iterable<Principal | undefined>;
  /** Ends what belongs to a revoked principal. */
  revoke(revocation: Revocation): void;
}

/** Does a revocation end what this principal does? */
export function isRevoked(principal: Principal | undefined, revocation: Revocation): boolean {
  if (principal === undefined || principal.kind === 'open') return false;
  switch (revocation.kind) {
    case 'everything':
      return true;
    case 'device':
      return principal.deviceId === revocation.id;
    case 'session':
    case 'token':
    case 'guest':
      return principal.kind === revocation.kind && principal.id === revocation.id;
  }
}
