import { readBoundedFile } from '../platform/files.ts';
import { runProcess } from '../platform/processes.ts';
import { PosternError } from '../core/errors/index.ts';
import { Secret } from '../core/secret.ts';

/** Where a secret comes from: the environment, a file, a program's output, or the configuration itself. */
export type SecretKind = 'env' | 'file' | 'exec' | 'literal';

/**
 * A secret as the configuration names it. A reference may be printed, a literal prints `[secret]`.
 *   env:NAME       an environment variable
 *   file:PATH      a file of at most 64 KiB that others may not read; one line end at its end is dropped
 *   exec:COMMAND   a program and its arguments, split at blanks, never run by a shell; its output, as with file
 */
export class SecretReference {
  readonly kind: SecretKind;
  readonly #value: string;

  constructor(text: string) {
    const match = /^(env|file|exec):(.*)$/s.exec(text);
    this.kind = (match?.[1] as SecretKind | undefined) ?? 'literal';
    this.#value = match?.[2] ?? text;
  }

  /**
   * Fetches the secret.
   * @param env where `env:` looks
   * @throws CONFIG_SECRET_UNRESOLVED when it is not there or empty: nothing goes on without it
   */
  async resolve(env: NodeJS.ProcessEnv): Promise<Secret> {
    const value = await this.#fetch(env);
    if (value === '') throw this.#unresolved('it is empty');
    return new Secret(value);
  }

  async #fetch(env: NodeJS.ProcessEnv): Promise<string> {
    switch (this.kind) {
      case 'literal':
        return this.#value;
      case 'env':
        return env[this.#value] ?? this.#fail('that variable is not set');
      case 'file':
        return this.#readFile();
      case 'exec':
        return this.#run(env);
    }
  }

  async #readFile(): Promise<string> {
    const result = await readBoundedFile(this.#value, { maxBytes: 65_536, followLink: true });
    if (!result.ok) return this.#fail(result.reason);
    if (process.platform !== 'win32' && (result.file.mode & 0o077) !== 0) {
      return this.#fail(
        `others may read it (mode ${result.file.mode.toString(8)}): chmod 600 ${this.#value}`,
      );
    }
    return withoutLineEnd(result.file.bytes.toString('utf8'));
  }

  async #run(env: NodeJS.ProcessEnv): Promise<string> {
    const [program, ...args] = this.#value.trim().split(/\s+/);
    if (!program) return this.#fail('it names no program');
    const end = await runProcess(program, args, { env, timeoutMs: 30_000, maxOutputBytes: 65_536 });
    if (end.startError) return this.#fail(`${program} cannot be started (${end.startError})`);
    // Its output is not quoted: a half-printed secret may be in it.
    if (end.status !== 0) return this.#fail(`${program} ended with ${end.signal ?? `status ${end.status}`}`);
    return withoutLineEnd(end.stdout);
  }

  #fail(reason: string): never {
    throw this.#unresolved(reason);
  }

  #unresolved(reason: string): PosternError {
    return new PosternError('CONFIG_SECRET_UNRESOLVED', { reference: this.toString(), reason });
  }

  toString(): string {
    return this.kind === 'literal' ? '[secret]' : `${this.kind}:${this.#value}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /** What `util.inspect` and `console.log` show. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
