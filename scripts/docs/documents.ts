import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import type { SuiteResult } from '../../bench/tools/result.ts';
import { renderConfigDocument, renderConfigSchema } from '../../src/config/docs.ts';
import { renderErrors } from './errors.ts';
import { renderPerformance } from './performance.ts';
import { renderVerify } from './verify.ts';

const ROOT = new URL('../../', import.meta.url);
const RESULTS = new URL('bench/results/', ROOT);

/** A document that is made from the code or from measurements. */
export interface MadeDocument {
  /** From the repository's root. */
  readonly path: string;
  readonly render: () => string;
}

/** Every document that `npm run docs` writes. */
export const MADE_DOCUMENTS: readonly MadeDocument[] = [
  { path: 'docs/errors.md', render: renderErrors },
  { path: 'docs/verify.md', render: renderVerify },
  { path: 'docs/config.md', render: renderConfigDocument },
  { path: 'docs/config.schema.json', render: renderConfigSchema },
  { path: 'docs/performance.md', render: () => renderPerformance(readResults()) },
];

/** A document's text as it has to stand in the repository, formatted like everything else. */
export async function renderDocument({ path, render }: MadeDocument): Promise<string> {
  const style = await resolveConfig(new URL('package.json', ROOT));
  return format(render(), { ...style, filepath: path });
}

/** The raw results of the last full benchmark run, by name. */
export function readResults(): readonly SuiteResult[] {
  if (!existsSync(RESULTS)) return [];
  return readdirSync(RESULTS)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(new URL(name, RESULTS), 'utf8')) as SuiteResult);
}
