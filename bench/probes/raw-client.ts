import { type TLSSocket, connect } from 'node:tls';
import { type Goal, requestHead } from './goal.ts';

/** Opens TLS to the goal; resolves when the handshake is done. Certificates are not what is measured here. */
export function openTls(goal: Goal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: goal.address,
      port: goal.port,
      servername: goal.name,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
    });
    socket.setNoDelay(true);
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before the handshake was done')));
  });
}

/**
 * One GET whose answer has a Content-Length; resolves when its last byte is here.
 * @throws when the status is not 200 or the connection ends first
 */
export function get(socket: TLSSocket, goal: Goal): Promise<void> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const finish = (error?: Error): void => {
      socket.off('data', onData).off('close', onClose).off('error', finish);
      if (error) reject(error);
      else resolve();
    };
    const onClose = (): void => finish(new Error('closed before the answer'));
    const onData = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = received.toString('latin1', 0, end);
      if (!head.startsWith('HTTP/1.1 200')) return finish(new Error(head.split('\r\n')[0]));
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.NaN);
      if (received.length >= end + 4 + length) finish();
    };
    socket.on('data', onData).once('close', onClose).once('error', finish);
    socket.write(requestHead(goal));
  });
}
