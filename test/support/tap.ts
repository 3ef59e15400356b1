import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** A wire between the edge and a service on which a test listens. */
export interface Tap {
  readonly url: string;
  /** Heads of requests that went to the service: `GET / HTTP/1.1`, then the fields, parted by CR LF. */
  readonly heads: readonly string[];
  close(): Promise<void>;
}

/**
 * @param port the service's, on loopback
 * @param rewrite changes what goes to the service, such as an edge that forgets a header would; it gets whole heads
 */
export async function startTap(
  port: number,
  rewrite: (head: string) => string = (head) => head,
): Promise<Tap> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    }
    near.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      heads.push(...(text.match(/^[A-Z]+ \S+ HTTP\/1\.1\r\n.*?(?=\r\n\r\n)/gms) ?? []));
      far.write(/^[A-Z]+ \S+ HTTP/.test(text) ? Buffer.from(rewrite(text), 'latin1') : chunk);
    });
    far.on('data', (chunk: Buffer) => near.write(chunk));
    near.once('end', () => far.end());
    far.once('end', () => near.end());
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heads,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
