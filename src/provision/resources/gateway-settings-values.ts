/** The values of a gateway's settings file, as far as Postern has a say in them. Pure. */

/** What Postern wants of a gateway. */
export interface WantedSettings {
  /** `https://NAME[:PORT]` of every service that publishes it, as an address bar shows it. */
  readonly origins: readonly string[];
}

/**
 * Ours among the settings. A list is told by which of our entries it holds; entries of others are not part of the
 * state, so nothing that is done to it can lose one. `null`: the key is not there.
 */
export type SettingsState = {
  readonly bind: string | null;
  readonly trustedProxies: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly publicUrl: string | null;
};

/** One key and the value that it gets; `undefined` removes it. */
export interface Edit {
  readonly path: readonly string[];
  readonly value: string | readonly string[] | undefined;
}

export const NO_SETTINGS: SettingsState = {
  bind: null,
  trustedProxies: [],
  allowedOrigins: [],
  publicUrl: null,
};

/** The edge reaches the gateway from this machine, by either family. */
const PROXIES = ['127.0.0.1', '::1'];

const PATHS = {
  bind: ['gateway', 'bind'],
  trustedProxies: ['gateway', 'trustedProxies'],
  allowedOrigins: ['gateway', 'controlUi', 'allowedOrigins'],
  publicUrl: ['plugins', 'entries', 'device-pair', 'config', 'publicUrl'],
} as const satisfies Record<keyof SettingsState, readonly string[]>;

/**
 * `bind` is written down even where it is the default: inside of a container the default is every interface.
 * A pairing link leads to the first name.
 */
export function desiredSettings({ origins }: WantedSettings): SettingsState {
  return {
    bind: 'loopback',
    trustedProxies: PROXIES,
    allowedOrigins: [...new Set(origins)].toSorted(),
    publicUrl: origins[0] ?? null,
  };
}

/**
 * Ours among the parsed settings; a value of another kind than it should be counts as not there.
 * @param ours whose lists say which entries are ours
 */
export function settingsIn(config: unknown, ours: SettingsState): SettingsState {
  const text = (path: readonly string[]): string | null => {
    const value = valueAt(config, path);
    return typeof value === 'string' ? value : null;
  };
  const present = (path: readonly string[], entries: readonly string[]): readonly string[] => {
    const value = valueAt(config, path);
    return Array.isArray(value) ? entries.filter((entry) => value.includes(entry)) : [];
  };
  return {
    bind: text(PATHS.bind),
    trustedProxies: present(PATHS.trustedProxies, ours.trustedProxies),
    // Sorted, so that the order of names in a configuration is no difference.
    allowedOrigins: present(PATHS.allowedOrigins, ours.allowedOrigins).toSorted(),
    publicUrl: text(PATHS.publicUrl),
  };
}

/**
 * What has to be changed so that `settingsIn` gives `to`.
 * @param config the parsed settings as they are
 * @param ours whose lists say which entries are ours
 * @param original the settings before Postern: a list or group that we made goes when it has become empty
 */
export function editsTowards(
  config: unknown,
  to: SettingsState,
  ours: SettingsState,
  original: unknown = config,
): readonly Edit[] {
  const present = settingsIn(config, ours);
  const edits: Edit[] = [];
  for (const key of ['bind', 'publicUrl'] as const) {
    if (present[key] !== to[key]) edits.push({ path: PATHS[key], value: to[key] ?? undefined });
  }
  for (const key of ['trustedProxies', 'allowedOrigins'] as const) {
    const isMade = valueAt(original, PATHS[key]) === undefined;
    const value = listTowards(valueAt(config, PATHS[key]), to[key], ours[key], isMade);
    if (value !== 'as it is') edits.push({ path: PATHS[key], value });
  }
  return pruneRemovals(edits, config, original);
}

/** Removals one after the other, so that the last one of a group takes the group along. */
function pruneRemovals(edits: readonly Edit[], config: unknown, original: unknown): readonly Edit[] {
  const done = edits.filter(({ value }) => value !== undefined);
  for (const edit of edits.filter(({ value }) => value === undefined)) {
    done.push(pruned(edit, withEdits(config, done), original));
  }
  return done;
}

/** Entries of others keep their places; ours are added behind them, or taken out. */
function listTowards(
  value: unknown,
  to: readonly string[],
  ours: readonly string[],
  isMade: boolean,
): readonly string[] | undefined | 'as it is' {
  if (!Array.isArray(value)) return to.length === 0 ? 'as it is' : to;
  const entries = value as readonly string[];
  const kept = entries.filter((entry) => !ours.includes(entry) || to.includes(entry));
  const next = [...kept, ...to.filter((entry) => !kept.includes(entry))];
  if (next.length === 0 && isMade) return undefined;
  const isSame = next.length === entries.length && next.every((entry, index) => entry === entries[index]);
  return isSame ? 'as it is' : next;
}

/** The highest group that holds nothing else and was not there before us. */
function pruned(edit: Edit, config: unknown, original: unknown): Edit {
  let path = edit.path;
  while (path.length > 1) {
    const parent = path.slice(0, -1);
    const group = valueAt(config, parent);
    if (!isGroup(group) || Object.keys(group).length > 1 || valueAt(original, parent) !== undefined) break;
    path = parent;
  }
  return { path, value: undefined };
}

/** The settings with the edits done, as a new value. */
export function withEdits(config: unknown, edits: readonly Edit[]): unknown {
  const next = structuredClone(isGroup(config) ? config : {});
  for (const { path, value } of edits) {
    let group: Record<string, unknown> = next;
    for (const key of path.slice(0, -1)) {
      if (!isGroup(group[key])) group[key] = {};
      group = group[key] as Record<string, unknown>;
    }
    const last = path.at(-1) as string;
    if (value === undefined) delete group[last];
    else group[last] = value;
  }
  return next;
}

/** The edits as what `openclaw config patch` takes: groups are merged, lists replaced, `null` removes. */
export function patchOf(edits: readonly Edit[]): unknown {
  return withEdits(
    {},
    edits.map(({ path, value }) => ({ path, value: value ?? (null as unknown as string) })),
  );
}

/** The same for a person to type. */
export function commandsOf(edits: readonly Edit[]): readonly string[] {
  return edits.map(({ path, value }) => {
    if (value === undefined) return `openclaw config unset ${path.join('.')}`;
    return `openclaw config set ${path.join('.')} '${typeof value === 'string' ? value : JSON.stringify(value)}'`;
  });
}

/** Does one of the groups on our way come out of another file? Then this file does not say what counts. */
export function includesOthers(config: unknown): boolean {
  const groups = [
    [],
    ...Object.values(PATHS).flatMap((path) => path.map((_key, at) => path.slice(0, at + 1))),
  ];
  return groups.some((path) => {
    const group = path.length === 0 ? config : valueAt(config, path);
    return isGroup(group) && '$include' in group;
  });
}

/** Is a group on our way something else than a group, or a list something else than a list of texts? */
export function findOddity(config: unknown): string | undefined {
  if (!isGroup(config)) return 'it holds no group of settings';
  for (const path of Object.values(PATHS)) {
    for (let length = 1; length < path.length; length++) {
      const group = valueAt(config, path.slice(0, length));
      if (group !== undefined && !isGroup(group)) return `${path.slice(0, length).join('.')} is no group`;
    }
  }
  for (const path of [PATHS.trustedProxies, PATHS.allowedOrigins]) {
    const list = valueAt(config, path);
    const isFine = Array.isArray(list) && list.every((entry) => typeof entry === 'string');
    if (list !== undefined && !isFine) return `${path.join('.')} is no list of texts`;
  }
  for (const path of [PATHS.bind, PATHS.publicUrl]) {
    const value = valueAt(config, path);
    if (value !== undefined && typeof value !== 'string') return `${path.join('.')} is no text`;
  }
  return undefined;
}

function valueAt(config: unknown, path: readonly string[]): unknown {
  let value = config;
  for (const key of path) {
    if (!isGroup(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
