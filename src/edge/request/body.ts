import type { Readable } from 'node:stream';

/**
 * Reads a whole request body into memory.
 * @param onProgress called with every piece
 * @throws RangeError when it is longer than `maxBytes`; an Error when the visitor breaks off
 */
export function collectBody(stream: Readable, maxBytes: number, onProgress: () => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      onProgress();
      bytes += chunk.length;
      if (bytes <= maxBytes) return void chunks.push(chunk);
      stream.pause();
      stream.removeAllListeners('data');
      reject(new RangeError('the body is too long'));
    });
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('the visitor broke off')));
  });
}
