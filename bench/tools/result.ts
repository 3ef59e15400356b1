/** One measurement, as it came: which variant, in which pair, its values by name. */
export interface Sample {
  /** `wire`, `nginx`, `postern`, or the fault that was made. */
  readonly variant: string;
  /** Samples of one pair were taken right after each other. From 1. */
  readonly pair: number;
  /** Units stand in the names: `p50Ms`, `requestsPerSecond`. */
  readonly values: Readonly<Record<string, number>>;
  /** What a reader needs to check the values: every latency, every failed request, the tool's own words. */
  readonly raw?: unknown;
}

/** What the numbers were taken on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** TCP's, at every end: what a bulk sender does depends on it. */
  readonly congestionControl: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** The raw results of one suite, as they stand in `bench/results/SUITE.json`. */
export interface SuiteResult {
  readonly suite: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationSeconds: number;
  /** Shortened faults and loads: good for a look, not for the table. */
  readonly isQuick: boolean;
  /** The commit that was measured. */
  readonly commit: string;
  readonly machine: Machine;
  /** Load average of one minute before the run: over 0.5, somebody else was using the machine. */
  readonly loadBefore: number;
  readonly samples: readonly Sample[];
}
