import { createHash } from 'node:crypto';
import { MARKER } from '../../core/relay-layout.ts';
import { PosternError } from '../../core/errors/index.ts';
import type { Json, Observed, Obstacle, Ownership, Resource, Target, World } from '../contract.ts';
import { runStep } from '../remote/parse.ts';
import {
  LIST_OTHER_HOMES,
  MAKE_FOLDERS,
  PUT_FILES,
  READ_FILES,
  REMOVE_FOLDERS,
} from '../remote/scripts/files.ts';
import type { Shell } from '../remote/shell.ts';
import type { RelayFile } from '../render/relay-files.ts';
import { isSameState } from '../state.ts';

/** A regular file as the journal keeps it. */
export interface FileState {
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
  readonly base64: string;
}

/** Files and folders that belong together: none or all of them count. */
export interface FileSetState {
  /** By path; null: not there. */
  readonly files: Readonly<Record<string, FileState | null>>;
  /** Folders that Postern would make, parents first, and whether they are there. */
  readonly folders: Readonly<Record<string, boolean>>;
}

export interface FileSetOptions {
  readonly id: string;
  readonly what: string;
  readonly why: string;
  readonly dependsOn: readonly string[];
  readonly home: string;
  /** Our own key file: the others tell of other homes. */
  readonly ownKeyFile: string;
  readonly files: readonly RelayFile[];
  readonly folders: readonly string[];
  readonly isRisky?: boolean;
  /** Obstacles and notes that only this kind of file has. */
  inspect?(shell: Shell, state: FileSetState): Promise<Inspection>;
  /** Places the files in another way than by renaming alone: with a check, a reload, a proof. */
  place?(world: World, words: readonly string[], target: FileSetTarget): Promise<void>;
}

export interface Inspection extends Pick<Observed, 'obstacles' | 'notes'> {
  /** Files that something of the relay's owner makes unnecessary: they count as wanted and are not placed. */
  readonly satisfied?: readonly string[];
}

export interface FileSetTarget {
  readonly state: FileSetState;
  readonly from: FileSetState;
}

/** A resource that is a set of root's files on the relay. */
export function fileSet(options: FileSetOptions): Resource {
  const { id, what, why, dependsOn, isRisky = false } = options;
  return {
    id,
    place: 'relay',
    what,
    why,
    dependsOn,
    isRisky,
    desired: stateOf(options, (file) => wantedFile(file), true) as unknown as Json,
    absent: stateOf(options, () => null, false) as unknown as Json,
    observe: (world) => observe(options, world),
    put: (world, target) => put(options, world, target),
    original: (firstSeen) => originalOf(options, firstSeen),
    describe: (from, to) => describe(asState(from), asState(to)),
  };
}

function stateOf(
  { files, folders }: FileSetOptions,
  file: (file: RelayFile) => FileState | null,
  hasFolders: boolean,
): FileSetState {
  return {
    files: Object.fromEntries(files.map((one) => [one.path, file(one)])),
    folders: Object.fromEntries(folders.map((path) => [path, hasFolders])),
  };
}

function wantedFile({ mode, owner, group, content }: RelayFile): FileState {
  return { mode: mode.replace(/^0+/, ''), owner, group, base64: Buffer.from(content).toString('base64') };
}

async function observe(options: FileSetOptions, world: World): Promise<Observed> {
  const shell = await world.relay.shell();
  const paths = [...options.files.map(({ path }) => path), ...options.folders];
  const found = readFound(await runStep(shell, READ_FILES, paths), paths);
  const seen: FileSetState = {
    files: Object.fromEntries(options.files.map(({ path }) => [path, found.get(path)?.file ?? null])),
    folders: Object.fromEntries(options.folders.map((path) => [path, found.get(path)?.kind !== 'absent'])),
  };
  const obstacles = [...oddThings(options, found), ...foreignFiles(options, seen)];
  const more = await options.inspect?.(shell, seen);
  const state = withSatisfied(options, seen, more?.satisfied ?? []);
  return {
    state: state as unknown as Json,
    ownership: ownershipOf(options, state),
    obstacles: [...obstacles, ...(more?.obstacles ?? [])],
    notes: more?.notes ?? [],
  };
}

function withSatisfied(
  { files }: FileSetOptions,
  seen: FileSetState,
  satisfied: readonly string[],
): FileSetState {
  const wanted = files.filter(({ path }) => satisfied.includes(path) && seen.files[path] === null);
  return {
    ...seen,
    files: { ...seen.files, ...Object.fromEntries(wanted.map((file) => [file.path, wantedFile(file)])) },
  };
}

/** One foreign file makes the whole set foreign, unless it is as wanted. */
function ownershipOf(options: FileSetOptions, state: FileSetState): Ownership {
  const there = options.files.filter(({ path }) => state.files[path] !== null);
  if (there.length === 0) return 'absent';
  return there.every(({ path }) => isOurs(state.files[path])) ? 'ours' : 'foreign';
}

export function isOurs(file: FileState | null | undefined): boolean {
  return !!file && textOf(file).slice(0, 400).includes(MARKER);
}

function foreignFiles({ files, id }: FileSetOptions, state: FileSetState): Obstacle[] {
  return files.flatMap((file) => {
    const there = state.files[file.path];
    if (!there || isOurs(there)) return [];
    return [
      {
        sentence: `${file.path} is there and is not Postern's`,
        lines: [
          ...differenceOf(there, wantedFile(file)),
          `To let Postern take it over (a copy is kept): postern apply --adopt ${id}`,
        ],
        canAdopt: true,
      },
    ];
  });
}

function oddThings({ files, folders }: FileSetOptions, found: ReadonlyMap<string, Found>): Obstacle[] {
  const odd = [
    ...files
      .filter(({ path }) => !['absent', 'file'].includes(found.get(path)?.kind ?? ''))
      .map(({ path }) => path),
    ...folders.filter((path) => !['absent', 'folder'].includes(found.get(path)?.kind ?? '')),
  ];
  const unsafe = folders.filter((path) => {
    const { kind, owner, mode } = found.get(path) ?? {};
    return kind === 'folder' && (owner !== 'root' || (Number.parseInt(mode ?? '777', 8) & 0o022) !== 0);
  });
  return [
    ...odd.map((path) => ({
      sentence: `${path} is there and is not what Postern would put there (a link, a folder, or a file over 1 MiB)`,
      lines: [`Look at it and move it away: ls -ld ${path}`],
      canAdopt: false,
    })),
    ...unsafe.map((path) => ({
      sentence: `The folder ${path} can be changed by others than root`,
      lines: [`chown root:root ${path} && chmod go-w ${path}`],
      canAdopt: false,
    })),
  ];
}

/**
 * Files with our mark were made by an apply that this journal does not know, and the folders have names of ours (another
 * home made them, perhaps): nothing was there before them. A folder goes only when it is empty.
 */
function originalOf({ files, folders }: FileSetOptions, firstSeen: Observed): Json {
  const state = asState(firstSeen.state);
  const before: FileSetState = {
    files: Object.fromEntries(
      files.map(({ path }) => [path, isOurs(state.files[path]) ? null : (state.files[path] ?? null)]),
    ),
    folders: Object.fromEntries(folders.map((path) => [path, false])),
  };
  return before as unknown as Json;
}

/** Folders before the files that lie in them, and the other way round. What other homes use stays. */
async function put(options: FileSetOptions, world: World, target: Target): Promise<void> {
  const shell = await world.relay.shell();
  const [state, from] = [asState(target.state), asState(target.from)];
  const others = await runStep(shell, LIST_OTHER_HOMES, [options.ownKeyFile]);
  const hasOtherHomes = others.trim() !== '';
  const words = options.files
    .filter(({ path }) => !isSameState(asJson(state.files[path]), asJson(from.files[path])))
    .filter(({ path, isShared }) => !(isShared && hasOtherHomes && !state.files[path]))
    .flatMap(({ path }) => wordsOf(path, state.files[path] ?? null));
  const folders = Object.entries(state.folders);
  await runStep(shell, MAKE_FOLDERS, pathsOf(folders, true));
  if (options.place) await options.place(world, words, { state, from });
  else await runStep(shell, PUT_FILES, words);
  await runStep(await world.relay.shell(), REMOVE_FOLDERS, pathsOf(folders, false).toReversed());
}

function pathsOf(folders: readonly [string, boolean][], isWanted: boolean): string[] {
  return folders.filter(([, wanted]) => wanted === isWanted).map(([path]) => path);
}

function wordsOf(path: string, file: FileState | null): string[] {
  if (file === null) return [path, 'absent', '', '', '', ''];
  const hash = createHash('sha256').update(Buffer.from(file.base64, 'base64')).digest('hex');
  return [path, file.mode, file.owner, file.group, file.base64, hash];
}

interface Found {
  readonly kind: string;
  readonly mode: string;
  readonly owner: string;
  readonly file: FileState | null;
}

/** Reads what READ_FILES printed; the relay may have printed anything. */
function readFound(text: string, paths: readonly string[]): ReadonlyMap<string, Found> {
  const blocks = text.split('\n.\n');
  if (blocks.length !== paths.length + 1) throw odd();
  return new Map(paths.map((path, index) => [path, readBlock(blocks[index] ?? '')]));
}

const NAME = '[A-Za-z_][A-Za-z0-9_.-]{0,31}\\$?|UNKNOWN|-';
const HEAD = new RegExp(`^(absent|link|other|folder|file) ([0-7]{1,4}) (${NAME}) (${NAME}) ([0-9]{1,12})$`);

function readBlock(block: string): Found {
  const [head = '', ...rest] = block.split('\n');
  const match = HEAD.exec(head);
  const base64 = rest.join('');
  if (!match || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw odd();
  const [, kind = '', mode = '', owner = '', group = '', bytes] = match;
  if (kind !== 'file') return { kind, mode, owner, file: null };
  if (Buffer.from(base64, 'base64').length !== Number(bytes)) throw odd();
  return { kind, mode, owner, file: { mode, owner, group, base64 } };
}

function odd(): PosternError {
  return new PosternError('PROVISION_SHELL_LOST', { reason: 'its list of files is not as agreed' });
}

const LINES_MOST = 12;

function describe(from: FileSetState, to: FileSetState): string[] {
  const lines = Object.entries(to.files).flatMap(([path, wanted]) => {
    const there = from.files[path] ?? null;
    if (wanted === null) return there === null ? [] : [`- ${path}`];
    if (there === null) return [`+ ${path} ${wanted.owner}:${wanted.group} ${wanted.mode}`];
    const difference = differenceOf(there, wanted);
    return difference.length === 0 ? [] : [`~ ${path}`, ...difference.map((line) => `    ${line}`)];
  });
  return lines.length > LINES_MOST
    ? [...lines.slice(0, LINES_MOST - 1), `… ${lines.length - LINES_MOST + 1} more lines`]
    : lines;
}

/** Lines that only one of both has, and modes; enough to recognise a file by. */
function differenceOf(there: FileState, wanted: FileState): string[] {
  const [old, fresh] = [textOf(there).split('\n'), textOf(wanted).split('\n')];
  const owner = (file: FileState): string => `${file.owner}:${file.group} ${file.mode}`;
  return [
    ...(owner(there) === owner(wanted) ? [] : [`${owner(there)} becomes ${owner(wanted)}`]),
    ...old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`.slice(0, 120)),
    ...fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`.slice(0, 120)),
  ].slice(0, LINES_MOST);
}

function textOf(file: FileState): string {
  return Buffer.from(file.base64, 'base64').toString('utf8');
}

function asJson(file: FileState | null | undefined): Json {
  return (file ?? null) as unknown as Json;
}

function asState(state: Json): FileSetState {
  return state as unknown as FileSetState;
}
