import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** A wire between the edge and a service on which a test listens. */
export interface Tap {
  readonly url: string;
  /** Request lines that went to the service, such as `GET / HTTP/1.1`. */
  readonly requests: readonly string[];
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
  const requests: string[] = [];
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
      requests.push(...(text.match(/^[A-Z]+ \S+ HTTP\/1\.1(?=\r\n)/gm) ?? []));
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
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
