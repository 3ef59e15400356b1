import {
  type KeyObject,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
} from 'node:crypto';
import { PosternError } from '../../../core/errors/index.ts';
import { createFile, readBoundedFile } from '../../../platform/files.ts';

/** The public half of a P-256 key (RFC 7518 §6.2.1). */
export interface EcJwk {
  readonly crv: string;
  readonly kty: 'EC';
  readonly x: string;
  readonly y: string;
}

/** The key of an ACME account: who holds it may ask for certificates of the names that CAA binds to the account. */
export interface AccountKey {
  readonly privateKey: KeyObject;
  readonly jwk: EcJwk;
  /** RFC 7638. */
  readonly thumbprint: string;
}

/**
 * The account key in a file of this user alone; made when there is none. Two programs that start at once get one key.
 * @param path `~/.postern/certs/account.key`
 * @throws ACME_FILE_UNUSABLE when it is there and is no such key, or others may read it
 */
export async function openAccountKey(path: string): Promise<AccountKey> {
  const unusable = (reason: string): PosternError => new PosternError('ACME_FILE_UNUSABLE', { path, reason });
  const found = await readBoundedFile(path);
  if (!found.ok && found.refusal === 'missing') {
    await createFile(path, makeKeyPem(), 0o600).catch((error: unknown) => {
      throw unusable((error as NodeJS.ErrnoException).code ?? 'it cannot be written');
    });
  }
  const read = found.ok ? found : await readBoundedFile(path);
  if (!read.ok) throw unusable(read.reason);
  if (process.platform !== 'win32' && (read.file.mode & 0o077) !== 0) {
    throw unusable(`others may read it: chmod 600 ${path}`);
  }
  const key = parseAccountKey(read.file.bytes.toString('utf8'));
  if (!key) throw unusable('it holds no P-256 key in PEM');
  return key;
}

/** @returns `undefined` when it is no P-256 private key in PEM */
export function parseAccountKey(pem: string): AccountKey | undefined {
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined;
    const { x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
    const jwk: EcJwk = { crv: 'P-256', kty: 'EC', x: x as string, y: y as string };
    return { privateKey, jwk, thumbprint: thumbprintOf(jwk) };
  } catch {
    return undefined;
  }
}

/** RFC 7638 §3: SHA-256 over the required members, in lexicographic order, without blanks. */
export function thumbprintOf({ crv, kty, x, y }: EcJwk): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}

/** A new P-256 private key, PKCS #8 in PEM. */
export function makeKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}
