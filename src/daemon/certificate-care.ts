import { X509Certificate } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';
import type { ChallengeSolver, ChallengeType } from '../edge/tls/acme/contract.ts';
import type { HomeFolder } from '../platform/home-folder.ts';
import type { CertificateKeeper } from './certificate-keeper.ts';
import type { CertificateFiles, CertificateSource } from './certificates.ts';
import type { CertificateStatus } from './contract.ts';
import type { HealthTracker } from './health/tracker.ts';
import type { Login } from './parts.ts';

export interface CareOptions {
  readonly config: Config;
  readonly configPath: string;
  readonly folder: HomeFolder;
  /** Where the DNS token's `env:` looks. */
  readonly env: NodeJS.ProcessEnv;
  readonly sources: readonly CertificateSource[];
  readonly certificates: CertificateFiles;
  readonly login: Pick<Login, 'admin'>;
  readonly health: HealthTracker;
  readonly clock: Clock;
  readonly log: Log;
}

/** All certificates of a daemon as the command line sees them: those of files, and those that Postern gets. */
export interface CertificateCare {
  /** @param isLinkUp can an authority come to the edge? */
  start(isLinkUp: () => boolean): void;
  /** The link has changed. */
  wake(): void;
  /** @throws ACME_NAME_NOT_OURS, and what an order throws */
  renew(name: string | undefined, isRehearsal: boolean): Promise<void>;
  status(): readonly CertificateStatus[];
  stop(): Promise<void>;
}

/** @throws ACME_FILE_UNUSABLE when `acme.ca` cannot be read; for DNS-01 what `openProvider` throws */
export async function takeCareOfCertificates(options: CareOptions): Promise<CertificateCare> {
  const keeper = await makeKeeper(options);
  const fromFiles = options.sources.filter(({ isOrdered }) => !isOrdered);
  return {
    start: (isLinkUp) => keeper?.start(isLinkUp),
    wake: () => keeper?.wake(),
    async renew(name, isRehearsal) {
      if (!keeper) throw new PosternError('ACME_NAME_NOT_OURS', { service: name ?? 'Any name' });
      await keeper.renew(name, isRehearsal);
    },
    status: () => [
      ...(keeper?.status() ?? []),
      ...fromFiles.map(({ name }) => describeFiles(name, options.certificates)),
    ],
    stop: async () => keeper?.stop(),
  };
}

async function makeKeeper(options: CareOptions): Promise<CertificateKeeper | undefined> {
  const { config, configPath, folder, sources, certificates, login, health, clock, log } = options;
  const names = sources.filter(({ isOrdered }) => isOrdered).map(({ name }) => name);
  if (names.length === 0) return undefined;
  // Loaded here: a daemon whose certificates are all files does without (docs/adr/015-one-bundle.md).
  const { acmeSettingsOf } = await import('./certificate-account.ts');
  const { CertificateKeeper } = await import('./certificate-keeper.ts');
  const settings = await acmeSettingsOf(config, configPath, folder);
  if (!settings) return undefined;
  const solver = await makeSolver(settings.challenge, options);
  const hasLogin = async (name: string): Promise<boolean> =>
    config.services.some((service) => service.name === name && service.auth === 'none') ||
    (await login.admin.listUsers()).length > 0;
  return new CertificateKeeper({ names, settings, certificates, solver, hasLogin, health, clock, log });
}

async function makeSolver(type: ChallengeType, options: CareOptions): Promise<ChallengeSolver> {
  const { config, certificates, clock, env, log } = options;
  const { dnsSolver, tlsAlpnSolver } = await import('../edge/tls/acme/solvers.ts');
  if (type === 'tls-alpn-01')
    return tlsAlpnSolver((name, pair) => certificates.setChallenge(name, pair), clock);
  const { openProvider } = await import('../dns/open-provider.ts');
  const { openTxtPublisher } = await import('../dns/txt-publisher.ts');
  const { openLookup } = await import('../dns/lookup/lookup.ts');
  const lookup = openLookup();
  const announce = (lines: readonly string[]): void => log.warn({ lines }, 'a DNS record is needed');
  const provider = await openProvider(config.dns, { lookup, clock, env, announce });
  return dnsSolver(openTxtPublisher({ provider, lookup, clock }));
}

function describeFiles(name: string, certificates: CertificateFiles): CertificateStatus {
  const cert = certificates.find(name)?.cert;
  const parsed = cert === undefined ? undefined : new X509Certificate(cert);
  return {
    name,
    source: 'files',
    directory: undefined,
    startsAtMs: parsed?.validFromDate.getTime(),
    endsAtMs: parsed?.validToDate.getTime(),
    renewAtMs: undefined,
    suggested: undefined,
    failures: 0,
    lastFailure: undefined,
    nextTryAtMs: undefined,
  };
}
