import type { Config } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { AuthAdmin } from '../edge/auth/admin.ts';
import type { Gatekeeper } from '../edge/auth/contract.ts';
import type { Edge, EdgeOptions } from '../edge/contract.ts';
import type { Link, LinkOptions } from '../link/contract.ts';

/** The login, opened on this home's database. */
export interface Login {
  readonly gatekeeper: Gatekeeper;
  readonly admin: AuthAdmin;
  close(): void;
}

export interface LoginOptions {
  readonly databaseFile: string;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** The very first browser that signs in is paired by itself (the demo). Default false. */
  readonly pairFirst?: boolean;
}

/** The big parts that a daemon joins; tests hand in others. */
export interface DaemonParts {
  openLogin(options: LoginOptions): Promise<Login>;
  startEdge(options: EdgeOptions): Promise<Edge>;
  startLink(options: LinkOptions): Link;
}
