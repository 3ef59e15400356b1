/** Exit statuses of the command line; documented in docs/errors.md. */
export const EXIT = {
  fine: 0,
  failed: 1,
  changesPending: 2,
  usage: 64,
  unreachable: 69,
  denied: 77,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/**
 * One entry of the error catalogue.
 * `what` and `remedy` may hold `{placeholders}`, filled from the error's `details`.
 */
export interface ErrorDefinition {
  /** What happened, one sentence, no final stop. */
  readonly what: string;
  /** The one thing to do, with the exact command where there is one. */
  readonly remedy: string;
  readonly exit: ExitStatus;
}

/** Keeps the codes as literal types and checks every entry. */
export function defineErrors<const T extends Record<string, ErrorDefinition>>(table: T): T {
  return table;
}
