import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { MAX_HELLO_BYTES, readServerName } from './client-hello.ts';

/** What a real TLS client sends first. */
async function recordHello(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as { port: number };
  const client = connectTls({
    socket: connect(address.port, '127.0.0.1'),
    servername,
    rejectUnauthorized: false,
  });
  client.on('error', () => {});
  const [accepted] = await once(server, 'connection');
  const [bytes] = await once(accepted, 'data');
  accepted.destroy();
  client.destroy();
  server.close();
  return bytes as Buffer;
}

/** The same handshake message in records of `size` bytes. */
function cutIntoRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

let hello: Buffer;
beforeAll(async () => {
  hello = await recordHello('Chat.LocalHost');
});

test('finds the name of a real ClientHello, in lower case', () => {
  expect(readServerName(hello)).toEqual({ kind: 'found', serverName: 'chat.localhost' });
});

test('a ClientHello cut at any byte asks for more', () => {
  for (let length = 0; length < hello.length; length++) {
    expect(readServerName(hello.subarray(0, length)), `${length} bytes`).toEqual({ kind: 'more' });
  }
});

test('a ClientHello in many records is read as one', () => {
  for (const size of [1, 7, 100]) {
    expect(readServerName(cutIntoRecords(hello, size))).toEqual({
      kind: 'found',
      serverName: 'chat.localhost',
    });
  }
});

test('a client that names nobody has no server name', async () => {
  expect(readServerName(await recordHello(''))).toEqual({ kind: 'none' });
});

test('what is no TLS is refused at its first byte', () => {
  expect(readServerName(Buffer.from('GET / HTTP/1.1\r\n'))).toEqual({ kind: 'none' });
  expect(readServerName(Buffer.from('SSH-2.0-x\r\n'))).toEqual({ kind: 'none' });
  expect(readServerName(Buffer.from([21, 3, 1, 0, 2, 1, 0]))).toEqual({ kind: 'none' });
});

test('what follows a whole ClientHello, such as early data, is left alone; inside of one it ends it', () => {
  const earlyData = Buffer.from([23, 3, 3, 0, 1, 0]);
  expect(readServerName(Buffer.concat([hello, earlyData])).kind).toBe('found');
  const half = cutIntoRecords(hello, 100).subarray(0, 105);
  expect(readServerName(Buffer.concat([half, earlyData]))).toEqual({ kind: 'none' });
});

test('an endless ClientHello is given up at the bound', () => {
  const body = Buffer.alloc(4096);
  const records = Array.from({ length: 5 }, () => [Buffer.from([22, 3, 1, 0x10, 0]), body]).flat();
  const endless = Buffer.concat(records);
  endless.set([1, 0, 0x40, 0], 5); // a message of the greatest length that is read
  expect(readServerName(endless.subarray(0, 10_000))).toEqual({ kind: 'more' });
  expect(readServerName(endless.subarray(0, MAX_HELLO_BYTES))).toEqual({ kind: 'none' });
  expect(readServerName(Buffer.from([22, 3, 1, 0xff, 0xff]))).toEqual({ kind: 'none' });
  expect(readServerName(Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]))).toEqual({ kind: 'none' });
});

test('a name that no certificate could hold is refused', () => {
  const odd = Buffer.from(hello);
  odd[odd.indexOf('Chat.LocalHost')] = 0x0a;
  expect(readServerName(odd)).toEqual({ kind: 'none' });
});

test('damaged bytes never throw', () => {
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 }), (at, noise) => {
      const damaged = Buffer.from(hello);
      damaged.set(noise.subarray(0, damaged.length - at), at);
      expect(['more', 'found', 'none']).toContain(readServerName(damaged).kind);
    }),
  );
});
