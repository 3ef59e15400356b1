/** Smaller pieces are left to the garbage collector. */
const MIN_BYTES = 16_384;

/**
 * What to call when a piece of a body has been written: it gives the memory back at once. Left to the garbage collector,
 * the 64 KiB pieces of one fast download pile up to 60 MB before it thinks of them.
 * @param chunk a piece that nobody reads after its write is done
 * @returns `undefined` when the piece is small, or shares its memory with others
 */
export function freeWhenWritten(chunk: Buffer): (() => void) | undefined {
  const { buffer } = chunk;
  const isWhole = chunk.byteLength >= MIN_BYTES && buffer.byteLength === chunk.byteLength;
  return isWhole && buffer instanceof ArrayBuffer ? () => void buffer.transfer(0) : undefined;
}
