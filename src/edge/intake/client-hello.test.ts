import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readClientHello } from './client-hello.ts';

/** What Node's own client sends first. */
function recordHello(options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve) => {
    const sink = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    const client = connect({ ...options, socket: sink });
    client.on('error', () => {});
    setImmediate(() => client.destroy());
  });
}

/** The same handshake bytes, cut into records of `size`. */
function splitRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
  }
  return Buffer.concat(records);
}

const OPTIONS = { servername: 'Chat.Example.com', ALPNProtocols: ['h2', 'http/1.1'] };
const SAYS = { kind: 'done', serverName: 'chat.example.com', protocols: ['h2', 'http/1.1'] };

test('name and protocols are read, wherever the hello is cut and in whatever records it comes', async () => {
  const hello = await recordHello(OPTIONS);
  for (const bytes of [hello, splitRecords(hello, 1), splitRecords(hello, 100)]) {
    for (let length = 0; length < bytes.length; length++) {
      expect(readClientHello(bytes.subarray(0, length))).toEqual({ kind: 'more' });
    }
    expect(readClientHello(bytes)).toEqual(SAYS);
    expect(readClientHello(Buffer.concat([bytes, Buffer.from([20, 3, 3, 0, 1, 1])]))).toEqual(SAYS);
  }
});

test('a hello without name or protocols says so', async () => {
  expect(await recordHello({}).then(readClientHello)).toEqual({
    kind: 'done',
    serverName: undefined,
    protocols: [],
  });
  const old = await recordHello({ servername: 'a.example', maxVersion: 'TLSv1.2' });
  expect(readClientHello(old)).toMatchObject({ serverName: 'a.example' });
});

test.each([
  ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
  ['an alert', '\x15\x03\x01\0\x02\x02\x28'],
  ['an empty record', '\x16\x03\x01\0\0'],
  ['a record that is too long', '\x16\x03\x01\xff\xff'],
  ['SSL 2', '\x80\x2e\x01\x03\x01'],
  ['another handshake message', '\x16\x03\x01\0\x04\x02\0\0\0'],
  ['a hello of 16 MiB', '\x16\x03\x01\0\x04\x01\xff\xff\xff'],
])('%s is no ClientHello', (_name, text) => {
  expect(readClientHello(Buffer.from(text, 'latin1'))).toEqual({ kind: 'bad' });
});

test('no bytes make it throw: random ones, and hellos with a byte changed', async () => {
  const hello = await recordHello(OPTIONS);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readClientHello(Buffer.from(bytes))),
  );
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
      const changed = Buffer.from(hello);
      changed[at] = value;
      readClientHello(changed);
    }),
    { numRuns: 2000 },
  );
});
