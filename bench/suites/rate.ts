import { NAMES, type Stage } from '../stage.ts';
import type { Goal } from '../probes/goal.ts';
import { type LoadReport, loadHttp1, loadHttp2 } from '../tools/load.ts';
import { readCpuMs } from '../tools/procfs.ts';
import { type Suite, type SuiteOptions, takeTurns } from './suite.ts';

/** 64 requests at a time over the fastest link: what the edge does against nginx ending TLS in its place. */
export const rate: Suite = {
  name: 'rate',
  stage: { withReference: true, roundTrips: { homeMs: 0, clientMs: 0 } },
  async run(stage: Stage, { isQuick, say }: SuiteOptions) {
    const seconds = isQuick ? 3 : 6;
    const http1 = (goal: Goal) => loadHttp1(stage.lab, goal, 64, seconds);
    const http2 = (goal: Goal) => loadHttp2(stage.lab, goal, { connections: 4, streams: 16, seconds });
    const measure =
      (load: (goal: Goal) => Promise<LoadReport>, goal: () => Goal, pid: () => number) => async () => {
        const beforeMs = readCpuMs(pid());
        const report = await load(goal());
        const cpuMs = readCpuMs(pid()) - beforeMs;
        if (report.failed > report.requests / 1000)
          throw new Error(`${report.failed} requests failed:\n${report.text}`);
        return {
          values: {
            requestsPerSecond: report.requestsPerSecond,
            cpuMsPerRequest: cpuMs / report.requests,
            failed: report.failed,
          },
          raw: report,
        };
      };
    const nginx = (): Goal => stage.nginx('/64');
    const tuned = (): Goal => stage.nginx('/64', NAMES.tuned);
    const postern = (): Goal => stage.through(NAMES.files, '/64');
    // What is compiled on the way, and pools that are filled once, belong to no sample.
    await loadHttp1(stage.lab, postern(), 64, 3);
    await loadHttp2(stage.lab, postern(), { connections: 4, streams: 16, seconds: 3 });
    return takeTurns(
      {
        'nginx-http1': measure(http1, nginx, () => stage.referencePid()),
        'postern-http1': measure(http1, postern, () => stage.postern.pid),
        'tuned-http1': measure(http1, tuned, () => stage.referencePid()),
        'nginx-http2': measure(http2, nginx, () => stage.referencePid()),
        'postern-http2': measure(http2, postern, () => stage.postern.pid),
        'tuned-http2': measure(http2, tuned, () => stage.referencePid()),
      },
      3,
      say,
    );
  },
};
