import { NAMES, type Stage } from '../stage.ts';
import type { Goal } from '../probes/goal.ts';
import { runProbe } from '../tools/probe.ts';
import { percentile } from '../tools/statistics.ts';
import { type Suite, type SuiteOptions, takeTurns } from './suite.ts';

/** A new visitor 40 ms from the relay, home another 20 ms away: TCP, TLS, one GET. */
export const connect: Suite = {
  name: 'connect',
  stage: { withReference: true, roundTrips: { homeMs: 20, clientMs: 40 } },
  async run(stage: Stage, { isQuick, say }: SuiteOptions) {
    const measure = (goal: () => Goal) => async () => {
      const argument = { goal: goal(), visits: isQuick ? 7 : 21, warmUp: 2 };
      const raw = await runProbe<{ latenciesMs: number[]; handshakesMs: number[] }>(
        stage.lab,
        'connect',
        argument,
      );
      return {
        values: {
          p50Ms: percentile(raw.latenciesMs, 0.5),
          handshakeP50Ms: percentile(raw.handshakesMs, 0.5),
        },
        raw,
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
