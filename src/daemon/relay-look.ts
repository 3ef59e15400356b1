import { join } from 'node:path';
import { readBoundedFile, writeFileAtomically } from '../platform/files.ts';
import type { HomeFolder } from '../platform/home-folder.ts';

/**
 * When somebody with root last looked at the relay from inside (`postern verify --relay-root`). The daemon owns no key
 * that could, so it can only say when it was.
 */
const fileOf = (folder: HomeFolder): string => join(folder.root, 'relay-looked-at.json');

/** @returns milliseconds since 1970; `undefined`: never, as far as this home knows */
export async function readRelayLook(folder: HomeFolder): Promise<number | undefined> {
  const read = await readBoundedFile(fileOf(folder), { maxBytes: 1000 });
  if (!read.ok) return undefined;
  const [, atMs] = /^\{"atMs":(\d{1,15})\}$/.exec(read.file.bytes.toString('utf8').trim()) ?? [];
  return atMs === undefined ? undefined : Number(atMs);
}

export function writeRelayLook(folder: HomeFolder, atMs: number): Promise<void> {
  return writeFileAtomically(fileOf(folder), `${JSON.stringify({ atMs })}\n`, 0o600);
}
