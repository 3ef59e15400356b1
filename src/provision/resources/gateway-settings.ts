import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { PosternError } from '../../core/errors/index.ts';
import { readBoundedFile, writeFileAtomically } from '../../platform/files.ts';
import type { Observed, Obstacle, Resource } from '../contract.ts';
import { editSettings, isPlainJson, parseSettings } from './gateway-settings-file.ts';
import {
  type OpenClawProgram,
  type ProgramPlace,
  findContainers,
  findOpenClaw,
  runOpenClaw,
  wordsOf,
} from './gateway-settings-program.ts';
import { type GatewayRecord, GatewaySettingsRecords, hashOf } from './gateway-settings-records.ts';
import {
  type Edit,
  NO_SETTINGS,
  type SettingsState,
  type WantedSettings,
  commandsOf,
  desiredSettings,
  editsTowards,
  findOddity,
  includesOthers,
  patchOf,
  settingsIn,
} from './gateway-settings-values.ts';
import { describeChange, describeLostWays } from './gateway-settings-words.ts';

export interface GatewaySettingsOptions extends ProgramPlace {
  readonly wanted: WantedSettings;
  /** Where the copy of the file is kept: a folder of Postern's own. */
  readonly keepIn: string;
  /** This machine's addresses in its local networks, for what the plan says of `lan`. */
  readonly lanAddresses?: readonly string[];
}

/** A settings file as it was read. */
interface SettingsFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  readonly config: unknown;
}

/**
 * The settings of an OpenClaw gateway on this machine without which nobody gets in through the edge. Whoever made
 * the other settings keeps them, byte for byte; the file as it was found is kept, and comes back whole when nobody
 * else has changed the file in between.
 */
export function gatewaySettings(options: GatewaySettingsOptions): Resource {
  const settings = new GatewaySettings(options);
  return {
    id: 'gateway-settings',
    place: 'home',
    what: 'the settings of the OpenClaw gateway',
    why: 'it listens on this machine alone, and knows the edge as its proxy and the public name as its page',
    dependsOn: [],
    desired: settings.desired,
    absent: NO_SETTINGS,
    original: (seen) => settings.found ?? seen.state,
    observe: () => settings.observe(),
    put: (_world, { state }) => settings.put(state as SettingsState),
    describe: (from, to) =>
      describeChange(from as SettingsState, to as SettingsState, options.lanAddresses ?? []),
  };
}

class GatewaySettings {
  readonly desired: SettingsState;
  /** Ours among the settings as they were before us; known after a look that found our copy. */
  found: SettingsState | undefined;
  readonly #options: GatewaySettingsOptions;
  readonly #records: GatewaySettingsRecords;
  #program: Promise<OpenClawProgram | undefined> | undefined;

  constructor(options: GatewaySettingsOptions) {
    this.#options = options;
    this.desired = desiredSettings(options.wanted);
    this.#records = new GatewaySettingsRecords(options.keepIn);
  }

  async observe(): Promise<Observed> {
    const file = await this.#read();
    if ('sentence' in file) {
      return { state: NO_SETTINGS, ownership: 'absent', obstacles: [file] };
    }
    const record = await this.#records.find(file.path);
    const ours = this.#oursWith(record);
    this.found = record && settingsIn(parseSettings(record.text), ours);
    const state = settingsIn(file.config, ours);
    const edits = editsTowards(file.config, this.desired, ours);
    const obstacle = this.#judge(file, edits);
    return {
      state,
      ownership: record ? 'ours' : this.#ownershipOf(state),
      ...(obstacle ? { obstacles: [obstacle] } : {}),
      notes: await this.#notes(file, edits),
    };
  }

  async put(to: SettingsState): Promise<void> {
    const file = await this.#read();
    if ('sentence' in file) throw uneditable(file.sentence, file.lines);
    const record = await this.#records.find(file.path);
    if (record && (await this.#restoreWhole(file, record, to))) return;
    const original = record ? parseSettings(record.text) : file.config;
    const ours = this.#oursWith(record, to);
    const edits = editsTowards(file.config, to, ours, original);
    const found = settingsIn(original, ours);
    const origins = ours.allowedOrigins.filter((origin) => !found.allowedOrigins.includes(origin));
    const next = { path: file.path, text: file.text, mode: file.mode, after: '', ...record, origins };
    if (edits.length > 0) {
      // The copy is there before the first byte changes.
      await this.#records.keep(next);
      await this.#write(file, edits, { to, ours }).catch(async (error: unknown) => {
        if (!record) await this.#records.forget(file.path);
        throw error;
      });
    }
    const isBack = isSame(to, found) || isSame(to, NO_SETTINGS);
    if (isBack) await this.#records.forget(file.path);
    else await this.#records.keep({ ...next, after: hashOf(await this.#textOf(file.path)) });
  }

  /** Nobody has touched the file since and all of ours goes: it becomes what it was, to the byte. */
  async #restoreWhole(file: SettingsFile, record: GatewayRecord, to: SettingsState): Promise<boolean> {
    const original = parseSettings(record.text);
    const found = settingsIn(original, this.#oursWith(record, to));
    if (hashOf(file.text) !== record.after || !isSame(found, to)) return false;
    await writeFileAtomically(file.path, record.text, record.mode);
    await this.#records.forget(file.path);
    return true;
  }

  /**
   * Plain JSON is changed by the gateway's own program; a file with comments is edited in place, because that
   * program writes it anew without them. Either way the result is read again, and what the program does not take
   * is taken back.
   */
  async #write(
    file: SettingsFile,
    edits: readonly Edit[],
    { to, ours }: { to: SettingsState; ours: SettingsState },
  ): Promise<void> {
    const program = await this.#findProgram();
    if (program && isPlainJson(file.text)) {
      const result = await runOpenClaw(
        program,
        ['config', 'patch', '--stdin'],
        JSON.stringify(patchOf(edits)),
      );
      if (result.status !== 0) return this.#takeBack(file, wordsOf(result));
    } else {
      const result = editSettings(file.text, edits);
      if (!result.ok) throw uneditable(`${file.path}: ${result.reason}`, commandsOf(edits));
      await writeFileAtomically(file.path, result.text, file.mode);
      const check = program && (await runOpenClaw(program, ['config', 'validate', '--json']));
      if (check && check.status !== 0) return this.#takeBack(file, wordsOf(check));
    }
    const after = parseSettings(await this.#textOf(file.path));
    if (after === undefined || !isSame(settingsIn(after, ours), to))
      return this.#takeBack(file, 'they cannot be read back');
  }

  async #takeBack(file: SettingsFile, reason: string): Promise<never> {
    await writeFileAtomically(file.path, file.text, file.mode);
    throw new PosternError('GATEWAY_SETTINGS_REFUSED', { file: file.path, reason });
  }

  async #read(): Promise<SettingsFile | Obstacle> {
    const path = (await this.#findProgram())?.configFile ?? this.#guessPath();
    const found = await readBoundedFile(path);
    if (!found.ok) return this.#unreadable(path, found.refusal === 'missing', found.reason);
    const text = found.file.bytes.toString('utf8');
    const config = parseSettings(text);
    if (config === undefined) return this.#unreadable(path, false, 'it is not valid JSON5');
    return { path, text, mode: found.file.mode, config };
  }

  async #unreadable(path: string, isMissing: boolean, reason: string): Promise<Obstacle> {
    const commands = commandsOf(editsTowards({}, this.desired, this.desired));
    const containers = isMissing ? await findContainers(this.#options.env) : [];
    const where = containers.map((name) => `The gateway runs in the container ${name}; run there:`);
    const sentence = isMissing
      ? `no settings of an OpenClaw gateway at ${path}`
      : `the gateway's settings in ${path} cannot be used: ${reason}`;
    const prefix = containers[0] === undefined ? '' : `docker exec ${containers[0]} `;
    return { sentence, lines: [...where, ...commands.map((one) => prefix + one)], canAdopt: false };
  }

  /** Something that keeps this file from being changed safely. */
  #judge(file: SettingsFile, edits: readonly Edit[]): Obstacle | undefined {
    const oddity = findOddity(file.config);
    const isIncluded = includesOthers(file.config);
    const result = isPlainJson(file.text) ? undefined : editSettings(file.text, edits);
    const reason =
      oddity ??
      (isIncluded ? 'it takes these settings from another file ($include)' : undefined) ??
      (result?.ok === false ? result.reason : undefined);
    if (reason === undefined) return undefined;
    return { sentence: `${file.path}: ${reason}`, lines: commandsOf(edits), canAdopt: false };
  }

  /** Without a copy of ours, nothing of it is ours. */
  #ownershipOf(state: SettingsState): Observed['ownership'] {
    const isOther = (value: string | null, wanted: string | null): boolean =>
      value !== null && value !== wanted;
    const isTaken =
      isOther(state.bind, this.desired.bind) || isOther(state.publicUrl, this.desired.publicUrl);
    return isTaken || isSame(state, this.desired) ? 'foreign' : 'absent';
  }

  async #notes(file: SettingsFile, edits: readonly Edit[]): Promise<string[]> {
    const program = await this.#findProgram();
    const how =
      edits.length === 0
        ? []
        : [
            program && isPlainJson(file.text)
              ? `${file.path} is changed by openclaw config (found in ${program.source})`
              : `${file.path} is edited in place; comments stay`,
          ];
    const state = settingsIn(file.config, this.desired);
    return [...how, ...describeLostWays(state, this.desired, this.#options.lanAddresses ?? [])];
  }

  /** Which entries of the lists are ours: those that are wanted, and those that we have added before. */
  #oursWith(record: GatewayRecord | undefined, to = this.desired): SettingsState {
    const origins = [...this.desired.allowedOrigins, ...to.allowedOrigins, ...(record?.origins ?? [])];
    return { ...this.desired, allowedOrigins: [...new Set(origins)] };
  }

  #findProgram(): Promise<OpenClawProgram | undefined> {
    return (this.#program ??= findOpenClaw(this.#options));
  }

  #guessPath(): string {
    const { env, userHome } = this.#options;
    const stateFolder = env['OPENCLAW_STATE_DIR'] || join(env['OPENCLAW_HOME'] || userHome, '.openclaw');
    return env['OPENCLAW_CONFIG_PATH'] || join(stateFolder, 'openclaw.json');
  }

  async #textOf(path: string): Promise<string> {
    const found = await readBoundedFile(path);
    return found.ok ? found.file.bytes.toString('utf8') : '';
  }
}

const isSame = (one: SettingsState, other: SettingsState): boolean => isDeepStrictEqual(one, other);

function uneditable(reason: string, lines: readonly string[]): PosternError {
  return new PosternError('GATEWAY_SETTINGS_UNEDITABLE', { reason, fix: lines.join('\n') });
}
