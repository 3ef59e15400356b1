import { importsOf } from './imports.ts';
import { type SourceFile, areaOf, programFiles, withoutComments } from './repository.ts';

/** Node's modules that every folder but core may use: they compute, and touch nothing outside the process. */
const FREE = [
  'crypto',
  'path',
  'url',
  'stream',
  'stream/promises',
  'events',
  'util',
  'buffer',
  'timers/promises',
];

/** Node's modules that reach outside, and who may use them besides platform. */
const REACHING: Readonly<Record<string, readonly string[]>> = {
  net: ['edge', 'gateway'],
  tls: ['edge', 'gateway'],
  http: ['edge', 'gateway', 'demo'],
  http2: ['edge', 'gateway'],
};

/** Imports of Node's modules by folders that have no hands. */
export function findReachingImports(files: readonly SourceFile[]): readonly string[] {
  return programFiles(files).flatMap((file) =>
    importsOf(file)
      .filter(
        ({ specifier, isTypeOnly }) =>
          !isTypeOnly && specifier.startsWith('node:') && !mayUse(areaOf(file.path), specifier.slice(5)),
      )
      .map(({ specifier }) => `${file.path} imports ${specifier}: only platform touches what is outside`),
  );
}

function mayUse(area: string, module: string): boolean {
  if (area === 'platform') return true;
  if (area === 'core') return false;
  return FREE.includes(module) || (REACHING[module] ?? []).includes(area);
}

interface Habit {
  readonly name: string;
  readonly pattern: RegExp;
  /** Folders in which it is right. */
  readonly folders: readonly string[];
  readonly because: string;
}

/** Globals that reach outside without an import. */
export const HABITS: readonly Habit[] = [
  {
    name: 'the terminal',
    pattern: /\bconsole\.|\bprocess\.(?:stdout|stderr|stdin)\b/,
    folders: ['cli'],
    because: 'only cli writes to the terminal',
  },
  {
    name: 'the end of the process',
    pattern: /\bprocess\.(?:exit\b|exitCode\b|abort\b|on\('SIG)/,
    folders: ['cli'],
    because: 'only cli ends the process',
  },
  {
    name: "the system's clock",
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bset(?:Timeout|Interval)\(/,
    folders: ['platform'],
    because: 'time comes from core/clock.ts, so that tests move it by hand',
  },
  {
    name: 'the network',
    // A method of that name is declared with a typed parameter.
    pattern: /(?<![.#\w])fetch\((?!\w+\??: )/,
    folders: ['platform'],
    because: 'only platform makes requests',
  },
  {
    name: 'zod by its member',
    pattern: /^import \{.*\} from 'zod'/,
    folders: [],
    because: 'import * as z leaves 570 KB of translations out of the bundle (docs/adr/015-one-bundle.md)',
  },
];

/** Uses of `habit` outside the folders in which it is right, as `path:line`. */
export function findHabit(files: readonly SourceFile[], habit: Habit): readonly string[] {
  return programFiles(files)
    .filter(({ path }) => !habit.folders.includes(areaOf(path)))
    .flatMap(({ path, text }) =>
      withoutComments(text)
        .split('\n')
        .flatMap((line, index) => (habit.pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
}
