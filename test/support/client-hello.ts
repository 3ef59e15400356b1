import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

/**
 * The first bytes that a TLS client sends, as OpenSSL makes them.
 * @param serverName SNI; none when undefined
 */
export function clientHello(serverName: string | undefined): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _encoding, done) => {
        resolve(chunk);
        done();
      },
    });
    const socket = connect({ socket: wire, ...(serverName === undefined ? {} : { servername: serverName }) });
    socket.on('error', () => {});
  });
}
