import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { PosternError } from '../../core/errors/index.ts';

/** Cost of scrypt (RFC 7914): N = 2^logN, block size r, parallelism p. */
export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP's password storage sheet, the row with 32 MiB. */
export const DEFAULT_COST: ScryptCost = { logN: 15, r: 8, p: 3 };

const HASH_BYTES = 32;
const MIN_CHARACTERS = 12;
const MAX_BYTES = 1024;
const PHC_PATTERN = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/**
 * The form in which a password is hashed: NFC, so that the same letters typed on a phone and in a terminal are the same
 * bytes (RFC 8265 §4.2.2).
 * @throws AUTH_PASSWORD_SHORT, AUTH_PASSWORD_LONG
 */
export function checkNewPassword(password: string): string {
  const normal = password.normalize('NFC');
  if (Array.from(normal).length < MIN_CHARACTERS) {
    throw new PosternError('AUTH_PASSWORD_SHORT', { least: MIN_CHARACTERS });
  }
  if (Buffer.byteLength(normal) > MAX_BYTES)
    throw new PosternError('AUTH_PASSWORD_LONG', { most: MAX_BYTES });
  return normal;
}

/** Hashes a password into a PHC string: `$scrypt$ln=15,r=8,p=3$SALT$HASH`, base64 without padding. */
export async function hashPassword(password: string, cost: ScryptCost = DEFAULT_COST): Promise<string> {
  const salt = randomBytes(16);
  const derived = await derive(password.normalize('NFC'), salt, cost, HASH_BYTES);
  return `$scrypt$ln=${cost.logN},r=${cost.r},p=${cost.p}$${toBase64(salt)}$${toBase64(derived)}`;
}

/** Compares in constant time. A string that is not a PHC string of scrypt fits no password. */
export async function fitsPassword(password: string, phc: string): Promise<boolean> {
  const [, logN, r, p, salt, expected] = PHC_PATTERN.exec(phc) ?? [];
  if (salt === undefined || expected === undefined) return false;
  const wanted = Buffer.from(expected, 'base64');
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
  const derived = await derive(password.normalize('NFC'), Buffer.from(salt, 'base64'), cost, wanted.length);
  return timingSafeEqual(derived, wanted);
}

function derive(password: string, salt: Buffer, cost: ScryptCost, bytes: number): Promise<Buffer> {
  const N = 2 ** cost.logN;
  const options = { N, r: cost.r, p: cost.p, maxmem: 128 * cost.r * (N + cost.p) + 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, derived) => (error ? reject(error) : resolve(derived)));
  });
}

function toBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
