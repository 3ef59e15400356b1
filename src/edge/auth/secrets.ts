import { hash, randomBytes, randomInt } from 'node:crypto';

/** Letters and digits that are not mistaken for one another when read aloud: no 0, O, 1, I. */
const CODE_LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const CODE_LENGTH = 8;

/** Cookies, tickets and tokens carry 256 random bits in base64url: 43 characters. */
export const SECRET_PATTERN = /^[A-Za-z0-9_-]{43}$/;

export const TOKEN_PREFIX = 'pst_';

/** A new secret of 256 bits. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** What is kept of a secret. A fast hash is right here: 256 random bits cannot be guessed. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'hex');
}

/** A name of a record, shown in lists: 50 random bits, not a secret. */
export function makeId(): string {
  return pick(10).toLowerCase();
}

/** The code of a pairing request, without its hyphen. */
export function makeCode(): string {
  return pick(CODE_LENGTH);
}

/** Six digits that the new device and the operator's terminal both show. */
export function makeComparison(): string {
  return String(randomInt(1_000_000)).padStart(6, '0');
}

/** `abcd-efgh` as typed by a person → `ABCDEFGH`; `undefined` when it cannot be a code. */
export function readCode(typed: string): string | undefined {
  const code = typed.toUpperCase().replaceAll(/[\s-]/g, '');
  return /^[A-HJ-NP-Z2-9]{8}$/.test(code) ? code : undefined;
}

/** `ABCDEFGH` → `ABCD-EFGH`, the way people read it. */
export function showCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/** `482913` → `482 913`. */
export function showComparison(comparison: string): string {
  return `${comparison.slice(0, 3)} ${comparison.slice(3)}`;
}

function pick(length: number): string {
  return Array.from({ length }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)]).join('');
}
