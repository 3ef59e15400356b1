import { dirname, isAbsolute, join, resolve } from 'node:path';
import { PosternError } from '../core/errors/index.ts';
import { readBoundedFile, type ReadFile } from '../platform/files.ts';
import { homeFolder, userHome } from '../platform/home-folder.ts';
import { type ConfigPath, keyName } from './explain.ts';
import { type ConfigProblem, parseConfig } from './parse.ts';
import type { Config } from './schema.ts';
import { SecretReference } from './secrets.ts';

export interface LoadOptions {
  /** What `--config` named; else `$POSTERN_HOME/postern.yaml`, else `~/.postern/postern.yaml`. The current folder is never searched. */
  readonly path?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file it came from, absolute. */
  readonly path: string;
}

/**
 * Finds, reads and checks the configuration. Secrets stay references until somebody resolves them.
 * @throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE (link, folder, larger than 1 MiB), CONFIG_UNSAFE (others may write it),
 *   CONFIG_SYNTAX and CONFIG_INVALID (every mistake as FILE:LINE:COLUMN), CONFIG_SECRET_EXPOSED
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const path = resolve(options.path ?? homeFolder(options.env).configFile);
  const read = await readBoundedFile(path);
  if (!read.ok) {
    throw read.refusal === 'missing'
      ? new PosternError('CONFIG_NOT_FOUND', { path })
      : new PosternError('CONFIG_UNREADABLE', { path, reason: read.reason });
  }
  refuseForeignHands(path, read.file);
  const parsed = parseConfig(read.file.bytes.toString('utf8'));
  if (parsed.kind !== 'config') {
    throw new PosternError(parsed.kind === 'syntax' ? 'CONFIG_SYNTAX' : 'CONFIG_INVALID', {
      problems: listProblems(path, parsed.problems),
    });
  }
  const exposed = isReadByOthers(read.file) ? findLiteralSecret(parsed.config) : undefined;
  if (exposed) {
    const { line, column } = parsed.locate(exposed);
    const mode = read.file.mode.toString(8);
    throw new PosternError('CONFIG_SECRET_EXPOSED', {
      where: `${path}:${line}:${column}`,
      key: keyName(exposed),
      mode,
      path,
    });
  }
  return { config: parsed.config, path };
}

/** One line for each mistake, `FILE:LINE:COLUMN: what: remedy`, as compilers write it. */
export function listProblems(path: string, problems: readonly ConfigProblem[]): string {
  return problems.map(({ line, column, text }) => `${path}:${line}:${column}: ${text}`).join('\n');
}

/** A path of the configuration: `~/` is the user's home, a relative one starts at the configuration's folder. */
export function resolveConfigPath(configPath: string, path: string): string {
  if (path.startsWith('~/')) return join(userHome(), path.slice(2));
  return isAbsolute(path) ? path : join(dirname(configPath), path);
}

/** The rule of ssh for its own configuration (StrictModes): mine or root's, and nobody else may write it. */
function refuseForeignHands(path: string, file: ReadFile): void {
  if (process.platform === 'win32') return;
  if ((file.mode & 0o022) !== 0) {
    throw new PosternError('CONFIG_UNSAFE', { path, reason: `mode ${file.mode.toString(8)}` });
  }
  if (file.uid !== 0 && file.uid !== process.getuid?.()) {
    throw new PosternError('CONFIG_UNSAFE', { path, reason: `it belongs to user number ${file.uid}` });
  }
}

function isReadByOthers(file: ReadFile): boolean {
  return process.platform !== 'win32' && (file.mode & 0o077) !== 0;
}

function findLiteralSecret(value: unknown, path: ConfigPath = []): ConfigPath | undefined {
  if (value instanceof SecretReference) return value.kind === 'literal' ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, child] of Object.entries(value)) {
    const found = findLiteralSecret(child, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found) return found;
  }
  return undefined;
}
