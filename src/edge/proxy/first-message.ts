/**
 * The first message on a WebSocket, as far as it has come.
 * none  it is no text in one frame of at most 65,535 bytes
 */
export type FirstMessage =
  { readonly kind: 'more' } | { readonly kind: 'none' } | { readonly kind: 'text'; readonly text: string };

const MORE: FirstMessage = { kind: 'more' };
const NONE: FirstMessage = { kind: 'none' };

const FINAL_TEXT = 0x81;
const LENGTH_OF_16_BITS = 126;
const LENGTH_OF_64_BITS = 127;

/** Reads one whole, unmasked text frame (RFC 6455 §5.2). @param bytes everything after the handshake */
export function readFirstMessage(bytes: Buffer): FirstMessage {
  if (bytes.length === 0) return MORE;
  // No extension was offered, so the reserved bits are 0; a server does not mask.
  if (bytes[0] !== FINAL_TEXT) return NONE;
  const short = bytes[1];
  if (short === undefined) return MORE;
  if (short >= LENGTH_OF_64_BITS) return NONE;
  const headBytes = short === LENGTH_OF_16_BITS ? 4 : 2;
  if (bytes.length < headBytes) return MORE;
  const length = headBytes === 4 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < headBytes + length) return MORE;
  return { kind: 'text', text: bytes.toString('utf8', headBytes, headBytes + length) };
}
