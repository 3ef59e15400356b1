import { NAMES, type Stage } from '../stage.ts';
import { runProbe } from '../tools/probe.ts';
import type { Sample } from '../tools/result.ts';
import { type Suite, type SuiteOptions, takeTurns } from './suite.ts';

interface Moved {
  readonly bytes: number;
  readonly elapsedSeconds: number;
}

/** One large body each way, home 20 and 100 ms away. */
export const bulk: Suite = {
  name: 'bulk',
  stage: { withReference: false, roundTrips: { homeMs: 20, clientMs: 0 } },
  async run(stage: Stage, { isQuick, say }: SuiteOptions) {
    const moved = (raw: Moved): Omit<Sample, 'variant' | 'pair'> => ({
      values: { megabytesPerSecond: raw.bytes / raw.elapsedSeconds / 1e6 },
      raw,
    });
    const download = (seconds: number) => async () =>
      moved(await runProbe(stage.lab, 'download', { goal: stage.through(NAMES.files, '/big'), seconds }));
    const upload = (megabytes: number) => async () =>
      moved(await runProbe(stage.lab, 'upload', { goal: stage.through(NAMES.talk, '/upload'), megabytes }));

    const near = await takeTurns(
      { 'upload-20': upload(isQuick ? 150 : 400), 'download-20': download(isQuick ? 3 : 6) },
      3,
      say,
    );
    await stage.wires.setRoundTrips({ homeMs: 100, clientMs: 0 });
    // A connection that has lived at 20 ms remembers it: what is measured is one that was made at 100 ms.
    await stage.postern.restart();
    const far = await takeTurns({ 'download-100': download(isQuick ? 5 : 10) }, 3, say);
    return [...near, ...far];
  },
};
