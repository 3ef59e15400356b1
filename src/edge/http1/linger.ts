import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';

/** How long, and how much, of what a visitor still sends is thrown away, so that the answer is not lost by a reset. */
const LINGER_MS = 2000;
const LINGER_BYTES = 4 * 1024 * 1024;

/**
 * Closes a connection after its last answer. A visitor that is still sending is read for a moment: closing a socket
 * with unread bytes resets it, and the answer may never arrive (RFC 9112 §9.6).
 */
export function lingerAndClose(socket: Socket, hasReadAll: boolean, clock: Clock): void {
  if (hasReadAll) return socket.destroySoon();
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
  const startBytes = socket.bytesRead;
  socket.on('data', () => {
    if (socket.bytesRead - startBytes > LINGER_BYTES) socket.destroy();
  });
  socket.on('end', () => socket.destroySoon());
  socket.end();
  socket.resume();
}
