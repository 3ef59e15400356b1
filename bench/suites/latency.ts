import { NAMES, type Stage } from '../stage.ts';
import type { Goal } from '../probes/goal.ts';
import { runProbe } from '../tools/probe.ts';
import { percentile } from '../tools/statistics.ts';
import { type Suite, type SuiteOptions, takeTurns } from './suite.ts';

/** One user on one kept connection, home 20 ms away: what a request costs more than the wire. */
export const latency: Suite = {
  name: 'latency',
  stage: { withReference: true, roundTrips: { homeMs: 20, clientMs: 0 } },
  async run(stage: Stage, { isQuick, say }: SuiteOptions) {
    const measure = (goal: () => Goal) => async () => {
      const argument = { goal: goal(), requests: isQuick ? 60 : 200, warmUp: 20 };
      const { latenciesMs } = await runProbe<{ latenciesMs: number[] }>(stage.lab, 'latency', argument);
      return {
        values: { p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99) },
        raw: { latenciesMs },
      };
    };
    return takeTurns(
      {
        wire: measure(() => stage.wire('/64')),
        postern: measure(() => stage.through(NAMES.files, '/64')),
        nginx: measure(() => stage.nginx('/64')),
      },
      3,
      say,
    );
  },
};
