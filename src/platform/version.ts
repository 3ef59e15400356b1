import { readFileSync } from 'node:fs';

/** The package's version; the build sees to it that this address means the same in the package as in a checkout. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
