import { type SourceFile, programFiles, withoutComments } from './repository.ts';

/** The one folder in which scripts for a relay may stand. */
const FOLDER = 'src/provision/remote/scripts/';

const TEMPLATE = /`(?:[^`\\]|\\[\s\S])*`/g;
const INTERPOLATION = /(?<!\\)\$\{/;

/**
 * Scripts for a relay have fixed texts: what differs is handed over as words. So a file with scripts has no template
 * with a value in it, no `+` and no `replace`, imports nothing but scripts and types, and no other file makes a script.
 */
export function findScriptFaults(files: readonly SourceFile[]): readonly string[] {
  return programFiles(files).flatMap(({ path, text }) => {
    const code = withoutComments(text);
    if (!path.startsWith(FOLDER)) {
      return /:\s*RemoteScript\s*=/.test(code)
        ? [`${path} makes a RemoteScript; those stand in ${FOLDER}`]
        : [];
    }
    const bare = code.replaceAll(TEMPLATE, '``').replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
    const imports = [...code.matchAll(/\bimport\s+(type\s)?[^;]*?from\s+'([^']+)'/g)];
    return [
      ...(code.match(TEMPLATE) ?? [])
        .filter((template) => INTERPOLATION.test(template))
        .map(() => `${path} puts a value into the text of a script`),
      ...(/\+|\.replace|\.concat|\bfunction\b|=>/.test(bare)
        ? [`${path} computes the text of a script`]
        : []),
      ...imports
        .filter(([, type, from]) => type === undefined && !/^\.\/[a-z-]+\.ts$/.test(from ?? ''))
        .map(([, , from]) => `${path} imports ${from}: a script is made of nothing but scripts`),
    ];
  });
}
