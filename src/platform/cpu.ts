import { readFile } from 'node:fs/promises';
import { arch } from 'node:os';

/**
 * Does the processor have AES instructions? Linux says so itself; Macs and Windows machines that run a supported Node
 * all have them. Where nothing is known: no, since chacha20 is good everywhere.
 */
export async function hasAesInstructions(): Promise<boolean> {
  if (process.platform === 'darwin' || process.platform === 'win32') return true;
  if (process.platform !== 'linux') return false;
  try {
    return listsAes(await readFile('/proc/cpuinfo', 'utf8'), arch());
  } catch {
    return false;
  }
}

/** Reads /proc/cpuinfo: `flags` on x86, `Features` on ARM. */
export function listsAes(cpuinfo: string, architecture: string): boolean {
  const field = architecture === 'x64' || architecture === 'ia32' ? 'flags' : 'Features';
  const line = cpuinfo.split('\n').find((candidate) => candidate.startsWith(field));
  return line?.split(/\s+/).includes('aes') ?? false;
}
