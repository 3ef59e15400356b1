import type { Stage, StageOptions } from '../stage.ts';
import type { Sample } from '../tools/result.ts';

export interface SuiteOptions {
  /** Shortened faults and loads. */
  readonly isQuick: boolean;
  /** Called with a line for whoever watches. */
  readonly say: (text: string) => void;
}

export interface Suite {
  readonly name: string;
  readonly stage: StageOptions;
  run(stage: Stage, options: SuiteOptions): Promise<readonly Sample[]>;
}

/** Runs every variant `pairs` times in turns: A B A B A B. Two things that follow each other had the same weather. */
export async function takeTurns(
  variants: Readonly<Record<string, () => Promise<Omit<Sample, 'variant' | 'pair'>>>>,
  pairs: number,
  say: (text: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    for (const [variant, measure] of Object.entries(variants)) {
      const sample = { variant, pair, ...(await measure()) };
      say(`${variant} ${pair}: ${describe(sample.values)}`);
      samples.push(sample);
    }
  }
  return samples;
}

/** Values in one line. */
export function describe(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toPrecision(4)}`)
    .join(', ');
}
