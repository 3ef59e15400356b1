import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';
import type { CertificatePair, CertificateStore } from '../edge/contract.ts';
import { readBoundedFile } from '../platform/files.ts';
import type { HealthTracker } from './health/tracker.ts';

/** Where the certificate of a name comes from. */
export interface CertificateSource {
  readonly name: string;
  /** Absolute paths. */
  readonly certFile: string;
  /** May be the file of the certificate too, so that both change in one step. */
  readonly keyFile: string;
  /** Postern gets it by ACME, so it may be missing until then, and its age is judged by its keeper. Default: no. */
  readonly isOrdered?: boolean;
}

export interface CertificateFiles extends CertificateStore {
  /** Is this certificate, as somebody shows it for that name, ours? */
  isOurs(serverName: string, shown: X509Certificate): boolean;
  /** From now on clients that check a TLS-ALPN-01 challenge of that name get this certificate; `undefined`: none. */
  setChallenge(serverName: string, pair: CertificatePair | undefined): void;
  /** Reads all files again; what cannot be used leaves the certificate that is in use. */
  refresh(): Promise<void>;
  stop(): void;
}

export interface CertificateOptions {
  readonly sources: readonly CertificateSource[];
  readonly clock: Clock;
  readonly log: Log;
  readonly health: HealthTracker;
}

interface Loaded extends CertificatePair {
  readonly certificate: X509Certificate;
}

const REFRESH_MS = 5000;
/** From here on the operator is told. */
const EXPIRY_NOTICE_MS = 14 * 24 * 3_600_000;

/**
 * Certificates out of files. They are looked at every 5 s instead of being watched: editors, certbot's links and
 * network folders all replace files in ways that watchers miss.
 * @throws CERTIFICATE_UNREADABLE when one of them cannot be used at the start
 */
export async function openCertificateFiles(options: CertificateOptions): Promise<CertificateFiles> {
  const store = new FileStore(options);
  await store.loadAll();
  return store;
}

class FileStore implements CertificateFiles {
  readonly #options: CertificateOptions;
  readonly #loaded = new Map<string, Loaded>();
  /** The certificate before the present one: right after a change it may still be shown. */
  readonly #earlier = new Map<string, X509Certificate>();
  readonly #challenges = new Map<string, CertificatePair>();
  readonly #listeners = new Set<(serverName: string) => void>();
  readonly #timer;

  constructor(options: CertificateOptions) {
    this.#options = options;
    this.#timer = options.clock.every(REFRESH_MS, () => void this.refresh());
  }

  async loadAll(): Promise<void> {
    for (const source of this.#options.sources) {
      if (source.isOrdered) {
        await this.#refreshOne(source);
        continue;
      }
      this.#loaded.set(source.name, await loadPair(source));
      this.#checkExpiry(source);
    }
  }

  findChallenge(serverName: string): CertificatePair | undefined {
    return this.#challenges.get(serverName);
  }

  setChallenge(serverName: string, pair: CertificatePair | undefined): void {
    if (pair) this.#challenges.set(serverName, pair);
    else this.#challenges.delete(serverName);
  }

  find(serverName: string): CertificatePair | undefined {
    return this.#loaded.get(serverName);
  }

  onChange(callback: (serverName: string) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  isOurs(serverName: string, shown: X509Certificate): boolean {
    return [this.#loaded.get(serverName)?.certificate, this.#earlier.get(serverName)].some(
      (known) => known?.fingerprint256 === shown.fingerprint256,
    );
  }

  async refresh(): Promise<void> {
    for (const source of this.#options.sources) await this.#refreshOne(source);
  }

  stop(): void {
    this.#timer.cancel();
    this.#listeners.clear();
  }

  async #refreshOne(source: CertificateSource): Promise<void> {
    const { health, log } = this.#options;
    const subject = source.name;
    const inUse = this.#loaded.get(subject);
    try {
      if (source.isOrdered && !inUse && !(await isThere(source.certFile))) return;
      const found = await loadPair(source);
      health.clear('CERTIFICATE_UNREADABLE', subject);
      if (inUse && found.cert === inUse.cert && found.key === inUse.key) return this.#checkExpiry(source);
      if (inUse) this.#earlier.set(subject, inUse.certificate);
      this.#loaded.set(subject, found);
      this.#checkExpiry(source);
      log.info({ service: subject, validTo: found.certificate.validTo }, 'certificate read again');
      for (const listener of this.#listeners) listener(subject);
    } catch (error) {
      health.report('CERTIFICATE_UNREADABLE', subject, {
        service: subject,
        reason: error instanceof PosternError ? (error.details['reason'] ?? '') : String(error),
      });
    }
  }

  #checkExpiry({ name, isOrdered }: CertificateSource): void {
    if (isOrdered) return;
    const { clock, health } = this.#options;
    const endsMs = this.#loaded.get(name)?.certificate.validToDate.getTime() ?? 0;
    if (endsMs - clock.nowMs() >= EXPIRY_NOTICE_MS) return health.clear('CERTIFICATE_EXPIRES', name);
    health.report('CERTIFICATE_EXPIRES', name, {
      service: name,
      date: new Date(endsMs).toISOString().slice(0, 10),
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  const result = await readBoundedFile(path, { followLink: true });
  return result.ok || result.refusal !== 'missing';
}

/** Reads both files and checks that they belong together and to the name. Links are followed: certbot makes links. */
async function loadPair({ name, certFile, keyFile }: CertificateSource): Promise<Loaded> {
  const unusable = (reason: string): PosternError =>
    new PosternError('CERTIFICATE_UNREADABLE', { service: name, reason });
  const read = async (path: string): Promise<string> => {
    const result = await readBoundedFile(path, { followLink: true });
    if (!result.ok) throw unusable(`${path}: ${result.reason}`);
    if (path === keyFile && process.platform !== 'win32' && (result.file.mode & 0o077) !== 0) {
      throw unusable(`${path}: others may read the key: chmod 600 ${path}`);
    }
    return result.file.bytes.toString('utf8');
  };
  const [cert, key] =
    certFile === keyFile
      ? splitPair(await read(certFile))
      : await Promise.all([read(certFile), read(keyFile)]);
  const certificate = parse(() => new X509Certificate(cert));
  const privateKey = parse(() => createPrivateKey(key));
  if (!certificate) throw unusable(`${certFile} holds no PEM certificate`);
  if (!privateKey) throw unusable(`${keyFile} holds no PEM private key without a passphrase`);
  if (!certificate.checkPrivateKey(privateKey)) throw unusable(`${keyFile} is not the key of ${certFile}`);
  if (!certificate.checkHost(name)) throw unusable(`${certFile} is not for ${name}`);
  return { cert, key, certificate };
}

/** Chain and key out of one file, which is read once: it may be replaced between two looks. */
function splitPair(text: string): readonly [cert: string, key: string] {
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g) ?? [];
  const isCertificate = (block: string): boolean => block.startsWith('-----BEGIN CERTIFICATE-----');
  const join = (wanted: readonly string[]): string => wanted.map((block) => `${block}\n`).join('');
  return [join(blocks.filter(isCertificate)), join(blocks.filter((block) => !isCertificate(block)))];
}

function parse<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
