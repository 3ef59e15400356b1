import type { Duplex } from 'node:stream';

/**
 * Joins two byte streams until both are closed, each side as fast as the other takes it.
 * When one side ends, what it has sent still reaches the other, which is then ended; when one breaks, both do.
 */
export function splice(left: Duplex, right: Duplex): void {
  pass(left, right);
  pass(right, left);
}

function pass(from: Duplex, to: Duplex): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.destroyed && !to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => {
    if (!to.destroyed) to.end();
  });
  from.on('error', () => to.destroy());
  from.on('close', () => {
    // An orderly end has already ended the other side; it closes when its last bytes are out.
    if (from.readableEnded) to.end();
    else to.destroy();
  });
  from.resume();
}
