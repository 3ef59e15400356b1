import type { Gatekeeper } from './auth/contract.ts';
import type { EdgeOptions, EdgeService, ServiceState } from './contract.ts';
import type { Canary } from './canary.ts';
import type { ConnectionLimits } from './limits/connection-limits.ts';
import type { Sweeper } from './limits/sweeper.ts';
import type { AnswerRules } from './proxy/answer-policy.ts';
import type { ServicePool } from './proxy/service-pool.ts';
import type { VisitorConnection } from './visitor.ts';

/** A service with what the running edge holds for it. */
export interface RunningService {
  readonly service: EdgeService;
  readonly pool: ServicePool;
  state: ServiceState;
}

/** What all stages of the running edge share. */
export interface EdgeCore {
  readonly options: EdgeOptions;
  readonly gatekeeper: Gatekeeper;
  readonly services: ReadonlyMap<string, RunningService>;
  readonly canary: Canary;
  readonly sweeper: Sweeper;
  readonly connectionLimits: ConnectionLimits;
  readonly answerRules: AnswerRules;
  /** Everything that is connected and past TLS. */
  readonly visitors: Set<VisitorConnection>;
  /** No new work: connections end with what they are doing. */
  isDraining: boolean;
  requests: number;
  webSockets: number;
}
