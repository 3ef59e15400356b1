import { PosternError, isPosternError } from '../../../core/errors/index.ts';
import { readBoundedFile, writeFileAtomically } from '../../../platform/files.ts';
import { type AcmeAnswer, type AcmeClient, odd } from './client.ts';

export interface AcmeAccountOptions {
  readonly client: AcmeClient;
  /** Remembers the account's URL of each directory, so that it is not asked for again. */
  readonly file: string;
  readonly email: string | undefined;
}

/** An account at one directory: found by its key, registered where there is none (RFC 8555 §7.3). */
export class AcmeAccount {
  readonly client: AcmeClient;
  readonly #options: AcmeAccountOptions;
  #opening: Promise<string> | undefined;

  constructor(options: AcmeAccountOptions) {
    this.#options = options;
    this.client = options.client;
  }

  /**
   * The account's URL, as the authority gave it: what CAA's `accounturi` (RFC 8657 §3) has to be. Orders nothing.
   * Only for who has agreed to the authority's terms: a new account says so.
   * @throws ACME_UNREACHABLE, ACME_REFUSED, ACME_RATE_LIMITED, ACME_ANSWER_ODD, ACME_FILE_UNUSABLE
   */
  async url(): Promise<string> {
    this.#opening ??= this.#open();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /**
   * A request in the account's name. Where the authority has forgotten the account, it is registered once more.
   * @throws what `AcmeClient.post` throws
   */
  async post(url: string, payload: unknown): Promise<AcmeAnswer> {
    try {
      return await this.client.post(url, payload, await this.url());
    } catch (error) {
      if (!isPosternError(error) || error.details['type'] !== 'accountDoesNotExist') throw error;
      this.#opening = this.#register();
      return this.client.post(url, payload, await this.url());
    }
  }

  /** POST-as-GET (RFC 8555 §6.3). */
  fetch(url: string): Promise<AcmeAnswer> {
    return this.post(url, undefined);
  }

  async #open(): Promise<string> {
    return (await this.#readKnown())[this.#memoryKey()] ?? (await this.#register());
  }

  async #register(): Promise<string> {
    const { email } = this.#options;
    const { newAccount } = await this.client.directory();
    const contact = email === undefined ? {} : { contact: [`mailto:${email}`] };
    const { location } = await this.client.post(
      newAccount,
      { termsOfServiceAgreed: true, ...contact },
      undefined,
    );
    if (location === undefined) throw odd(newAccount, 'it gave the account no URL');
    await this.#remember(location);
    return location;
  }

  /** Another key is another account, and so is the same key at another directory. */
  #memoryKey(): string {
    const { directoryUrl, accountKey } = this.client.options;
    return `${directoryUrl} ${accountKey.thumbprint}`;
  }

  /** A memory that cannot be read costs one request more. */
  async #readKnown(): Promise<Record<string, string>> {
    const read = await readBoundedFile(this.#options.file);
    if (!read.ok) return {};
    try {
      const known = JSON.parse(read.file.bytes.toString('utf8')) as Record<string, unknown>;
      const entries = Object.entries(known).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      );
      return Object.fromEntries(entries);
    } catch {
      return {};
    }
  }

  async #remember(url: string): Promise<void> {
    const { file } = this.#options;
    const known = { ...(await this.#readKnown()), [this.#memoryKey()]: url };
    await writeFileAtomically(file, `${JSON.stringify(known, undefined, 2)}\n`, 0o600).catch(
      (error: unknown) => {
        const reason = (error as NodeJS.ErrnoException).code ?? 'it cannot be written';
        throw new PosternError('ACME_FILE_UNUSABLE', { path: file, reason });
      },
    );
  }
}
