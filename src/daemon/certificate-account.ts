import { join } from 'node:path';
import { resolveConfigPath } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import { openAccountKey } from '../edge/tls/acme/account-key.ts';
import { AcmeAccount } from '../edge/tls/acme/account.ts';
import { AcmeClient } from '../edge/tls/acme/client.ts';
import type { ChallengeType, SendHttps } from '../edge/tls/acme/contract.ts';
import { readBoundedFile } from '../platform/files.ts';
import type { HomeFolder } from '../platform/home-folder.ts';
import { requestHttps } from '../platform/https-request.ts';
import { VERSION } from '../platform/version.ts';

/** `acme:` of the configuration, complete. */
export interface AcmeSettings {
  readonly directoryUrl: string;
  /** Where an attempt that is only to show whether it would work is made. */
  readonly rehearsalUrl: string;
  /** PEM; `undefined`: the directory is trusted by the system's authorities. */
  readonly ca: string | undefined;
  readonly email: string | undefined;
  readonly profile: string | undefined;
  readonly challenge: ChallengeType;
  /** `~/.postern/certs` */
  readonly certsFolder: string;
}

/** https://letsencrypt.org/docs/acme-protocol-updates/ and /docs/staging-environment/ */
const LETSENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
const LETSENCRYPT_STAGING = 'https://acme-staging-v02.api.letsencrypt.org/directory';

/**
 * @returns `undefined` when the configuration has no `acme:`, or nobody has agreed to the terms
 * @throws ACME_FILE_UNUSABLE when `acme.ca` cannot be read
 */
export async function acmeSettingsOf(
  { acme }: Config,
  configPath: string,
  folder: HomeFolder,
): Promise<AcmeSettings | undefined> {
  if (!acme?.agreeTos) return undefined;
  const directoryUrl = urlOf(acme.directory);
  return {
    directoryUrl,
    rehearsalUrl: directoryUrl === LETSENCRYPT ? LETSENCRYPT_STAGING : directoryUrl,
    ca: acme.ca === undefined ? undefined : await readPem(resolveConfigPath(configPath, acme.ca)),
    email: acme.email,
    profile: acme.profile,
    challenge: acme.challenge,
    certsFolder: folder.certs,
  };
}

function urlOf(directory: string): string {
  if (directory === 'letsencrypt') return LETSENCRYPT;
  return directory === 'letsencrypt-staging' ? LETSENCRYPT_STAGING : directory;
}

async function readPem(path: string): Promise<string> {
  const read = await readBoundedFile(path, { followLink: true });
  if (!read.ok) throw new PosternError('ACME_FILE_UNUSABLE', { path, reason: read.reason });
  return read.file.bytes.toString('utf8');
}

export interface AccountOptions {
  readonly settings: AcmeSettings;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly send?: SendHttps | undefined;
  /** Default: the settings' own. */
  readonly directoryUrl?: string | undefined;
}

/**
 * This home's account at the authority. Its key lies in `certs/account.key` and never leaves home; `url()` is what CAA's
 * `accounturi` binds the names to, and orders nothing.
 * @throws ACME_FILE_UNUSABLE
 */
export async function openAcmeAccount(options: AccountOptions): Promise<AcmeAccount> {
  const { settings, clock, signal } = options;
  const client = new AcmeClient({
    directoryUrl: options.directoryUrl ?? settings.directoryUrl,
    accountKey: await openAccountKey(join(settings.certsFolder, 'account.key')),
    ca: settings.ca,
    userAgent: `postern/${VERSION}`,
    clock,
    send: options.send ?? requestHttps,
    signal,
  });
  return new AcmeAccount({
    client,
    file: join(settings.certsFolder, 'accounts.json'),
    email: settings.email,
  });
}
