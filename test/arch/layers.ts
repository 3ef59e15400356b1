import { type Import, importsOf } from './imports.ts';
import { type SourceFile, areaOf, programFiles } from './repository.ts';

/** What the files below a folder may import of the program's other folders. */
interface Layer {
  /** Folder below src/. The longest one that fits a file counts. */
  readonly folder: string;
  readonly mayImport: readonly string[];
  /** Folders of which types and nothing else may be imported. */
  readonly mayImportTypesOf?: readonly string[];
  readonly because: string;
}

/** The order of data: an arrow that is not in this table does not exist. */
export const LAYERS: readonly Layer[] = [
  { folder: 'core', mayImport: [], because: 'everybody stands on it, so it stands on nothing' },
  {
    folder: 'platform',
    mayImport: ['core'],
    because: 'the only hands of the program; hands know nothing of what they carry',
  },
  {
    folder: 'config',
    mayImport: ['core', 'platform'],
    because: 'reading the configuration must work without anything that it configures',
  },
  {
    folder: 'provision/render',
    mayImport: ['core'],
    mayImportTypesOf: ['config'],
    because: 'the relay files are texts made by pure functions, so that tests, users and apply get the same',
  },
  {
    folder: 'provision',
    mayImport: ['core', 'platform', 'config', 'dns'],
    because: 'changing the world is done by a command, never by the daemon that serves visitors',
  },
  {
    folder: 'dns',
    mayImport: ['core', 'platform'],
    mayImportTypesOf: ['config'],
    because: 'records are looked at and changed for provision and for DNS-01; it knows neither of them',
  },
  {
    folder: 'link',
    mayImport: ['core', 'platform'],
    mayImportTypesOf: ['config'],
    because: 'a link carries bytes for anybody; what it needs of the edge is handed in',
  },
  {
    folder: 'edge',
    mayImport: ['core', 'platform', 'config'],
    mayImportTypesOf: ['dns'],
    because: 'the edge decides about visitors without knowing how they came or what stands behind it',
  },
  {
    folder: 'gateway',
    mayImport: ['core', 'platform', 'config'],
    because: 'what is known of one gateway stays in one folder and is handed to the edge by the daemon',
  },
  {
    folder: 'verify',
    mayImport: ['core', 'platform'],
    mayImportTypesOf: ['config'],
    because: 'it looks from outside, so it must not lean on what it looks at; the rest is handed in',
  },
  {
    folder: 'daemon',
    mayImport: ['core', 'platform', 'config', 'link', 'edge', 'gateway', 'dns', 'verify'],
    because: 'it joins link, edge and gateway; it has no root on the relay and must not learn how to use one',
  },
  {
    folder: 'demo',
    mayImport: ['core', 'platform', 'config', 'link', 'edge', 'gateway', 'daemon'],
    because: 'a second place where parts are joined, for one command that needs no configuration',
  },
  {
    folder: 'cli',
    mayImport: [
      'core',
      'platform',
      'config',
      'dns',
      'link',
      'edge',
      'gateway',
      'daemon',
      'demo',
      'provision',
      'verify',
    ],
    because: 'commands may call everything, and nothing calls a command',
  },
];

/** Folders that the design names and that have no file yet; each leaves this list with its first file. */
export const LAYERS_TO_COME: readonly string[] = [];

/** Packages that belong to one part, as folders below src/; everything else may use none of them. */
export const PACKAGES: readonly { name: string; folders: readonly string[]; because: string }[] = [
  { name: 'commander', folders: ['cli'], because: 'only the command line knows about commands' },
  { name: '@clack/prompts', folders: ['cli'], because: 'only the command line asks people' },
  { name: 'yaml', folders: ['config'], because: 'one reader of the configuration, with line and column' },
  { name: 'pino', folders: ['daemon'], because: 'the others write to the Log that they are handed' },
  {
    name: 'ssh2',
    folders: ['link/demo-relay'],
    because: 'visitors are carried by the system OpenSSH client alone',
  },
];

/** What is wrong with the imports of `files`, one sentence each. */
export function findLayerFaults(files: readonly SourceFile[]): readonly string[] {
  return programFiles(files).flatMap((file) => {
    const layer = layerOf(file.path);
    if (!layer) return [`${file.path}: src/${areaOf(file.path)} has no row in test/arch/layers.ts`];
    return importsOf(file)
      .filter((found) => !isAllowed(layer, found))
      .map(({ specifier }) => `${file.path} imports ${specifier}; ${layer.folder} may not: ${layer.because}`);
  });
}

function layerOf(path: string): Layer | undefined {
  return LAYERS.filter(({ folder }) => path.startsWith(`src/${folder}/`)).toSorted(
    (one, other) => other.folder.length - one.folder.length,
  )[0];
}

function isAllowed(layer: Layer, found: Import): boolean {
  if (found.path === undefined) return true;
  const goal = areaOf(found.path);
  if (found.path.startsWith(`src/${layer.folder}/`)) return true;
  if (layer.mayImport.includes(goal)) return true;
  return found.isTypeOnly && (layer.mayImportTypesOf ?? []).includes(goal);
}

/** Uses of a package outside the folders that it belongs to. */
export function findPackageFaults(files: readonly SourceFile[]): readonly string[] {
  return programFiles(files).flatMap((file) =>
    importsOf(file).flatMap(({ specifier }) =>
      PACKAGES.filter(
        ({ name, folders }) =>
          (specifier === name || specifier.startsWith(`${name}/`)) &&
          !folders.some((folder) => file.path.startsWith(`src/${folder}/`)),
      ).map(
        ({ name, folders, because }) =>
          `${file.path} imports ${name}, which belongs to ${folders.join(', ')}: ${because}`,
      ),
    ),
  );
}
