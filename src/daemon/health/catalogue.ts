import type { ErrorCode } from '../../core/errors/index.ts';

/** How long something has to be broken before it is an incident, and what explains it already. */
export interface HealthPolicy {
  /** Time to visible, counted while it is broken: what mends itself sooner was no incident. 0: at once. */
  readonly visibleAfterMs: number;
  /** It has to be fine for this long before it is forgotten or over: flapping is one incident. */
  readonly quietMs: number;
  /**
   * Causes that hide it: while one of them is broken for everything or for the same subject, this one is not news.
   */
  readonly dependsOn: readonly ErrorCode[];
}

const LINK: readonly ErrorCode[] = ['LINK_DOWN', 'LINK_HALTED'];

/** Every code that can become an alert. */
export const HEALTH = {
  LINK_HALTED: { visibleAfterMs: 0, quietMs: 0, dependsOn: [] },
  LINK_DOWN: { visibleAfterMs: 10_000, quietMs: 15_000, dependsOn: ['LINK_HALTED'] },
  LINK_DEGRADED: { visibleAfterMs: 60_000, quietMs: 30_000, dependsOn: LINK },
  CANARY_FOREIGN_CERTIFICATE: { visibleAfterMs: 0, quietMs: 60_000, dependsOn: [] },
  CANARY_FAILED: {
    visibleAfterMs: 20_000,
    quietMs: 15_000,
    dependsOn: [...LINK, 'CANARY_FOREIGN_CERTIFICATE', 'CERTIFICATE_UNREADABLE', 'ACME_NO_CERTIFICATE'],
  },
  EDGE_SERVICE_DOWN: { visibleAfterMs: 10_000, quietMs: 10_000, dependsOn: [] },
  GATEWAY_TRUSTS_STRANGERS: { visibleAfterMs: 0, quietMs: 0, dependsOn: [] },
  GATEWAY_PROXY_UNTRUSTED: { visibleAfterMs: 0, quietMs: 0, dependsOn: [] },
  GATEWAY_ANSWER_UNKNOWN: { visibleAfterMs: 0, quietMs: 0, dependsOn: ['EDGE_SERVICE_DOWN'] },
  GATEWAY_STARTING: { visibleAfterMs: 120_000, quietMs: 0, dependsOn: ['EDGE_SERVICE_DOWN'] },
  VERIFY_LOGIN_OFF: { visibleAfterMs: 0, quietMs: 0, dependsOn: [] },
  VERIFY_DOOR_OPEN: { visibleAfterMs: 0, quietMs: 0, dependsOn: ['VERIFY_LOGIN_OFF'] },
  CERTIFICATE_UNREADABLE: { visibleAfterMs: 5000, quietMs: 0, dependsOn: [] },
  CERTIFICATE_EXPIRES: { visibleAfterMs: 0, quietMs: 0, dependsOn: [] },
  ACME_NO_CERTIFICATE: { visibleAfterMs: 120_000, quietMs: 0, dependsOn: LINK },
  ACME_RENEWAL_LATE: { visibleAfterMs: 0, quietMs: 0, dependsOn: [] },
} as const satisfies Partial<Record<ErrorCode, HealthPolicy>>;

export type HealthCode = keyof typeof HEALTH;
