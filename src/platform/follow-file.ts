import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_MS = 200;
const CHUNK_BYTES = 65_536;

/**
 * Lines that are added to a file, as they come; a file that is set aside and made anew is followed into the new one.
 * A last line without its end waits until it is whole.
 * @param fromByte where to start in the file that is there now
 */
export async function* followFile(
  path: string,
  fromByte: number,
  signal?: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  let offset = fromByte;
  let rest = Buffer.alloc(0);
  let handle: FileHandle | undefined;
  try {
    while (!signal?.aborted) {
      handle ??= await open(path, 'r').catch(() => undefined);
      // Asked before reading: what is written between the two is found by the next look, in this same file.
      const isReplaced = handle !== undefined && !(await isNamed(path, handle));
      for (
        let chunk = await readFrom(handle, offset);
        chunk.length > 0;
        chunk = await readFrom(handle, offset)
      ) {
        offset += chunk.length;
        const text = Buffer.concat([rest, chunk]);
        const end = text.lastIndexOf(0x0a) + 1;
        rest = text.subarray(end);
        yield* text.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
      }
      if (isReplaced) {
        await handle?.close();
        handle = undefined;
        offset = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      await pause(LOOK_MS, undefined, signal ? { signal } : {}).catch(() => {});
    }
  } finally {
    await handle?.close();
  }
}

async function isNamed(path: string, handle: FileHandle): Promise<boolean> {
  const [named, held] = await Promise.all([stat(path).catch(() => undefined), handle.stat()]);
  // While the new file is not there yet, the old one is all there is.
  return named === undefined || named.ino === held.ino;
}

async function readFrom(handle: FileHandle | undefined, offset: number): Promise<Buffer> {
  if (!handle) return Buffer.alloc(0);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, offset);
  return buffer.subarray(0, bytesRead);
}
