import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { type ClientHello, ClientHelloReader, MAX_HELLO_BYTES } from './client-hello.ts';

const read = (bytes: Uint8Array): ClientHello => new ClientHelloReader().push(bytes);

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

/** A ClientHello with nothing but extensions. */
function helloWith(...extensions: readonly (readonly [type: number, content: Buffer])[]): Buffer {
  const list = Buffer.concat(
    extensions.map(([type, content]) => Buffer.concat([uint(type, 2), uint(content.length, 2), content])),
  );
  const body = Buffer.concat([
    Buffer.alloc(34),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    uint(list.length, 2),
    list,
  ]);
  const message = Buffer.concat([Buffer.from([1]), uint(body.length, 3), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), uint(message.length, 2), message]);
}

function uint(value: number, width: number): Buffer {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value, 0, width);
  return bytes;
}

const nameEntry = (name: string, type = 0): Buffer =>
  Buffer.concat([Buffer.from([type]), uint(name.length, 2), Buffer.from(name, 'latin1')]);
const nameList = (...entries: Buffer[]): Buffer => {
  const list = Buffer.concat(entries);
  return Buffer.concat([uint(list.length, 2), list]);
};

const SAYS = { kind: 'done', serverName: 'chat.example.com', protocols: ['h2', 'http/1.1'] };
let hello: Buffer;
beforeAll(async () => {
  hello = await recordHello({ servername: 'Chat.Example.com', ALPNProtocols: ['h2', 'http/1.1'] });
});

test('name and protocols are read, wherever the hello is cut and in whatever records it comes', () => {
  for (const bytes of [hello, splitRecords(hello, 1), splitRecords(hello, 7), splitRecords(hello, 100)]) {
    const lengths = Array.from({ length: bytes.length - 1 }, (_, index) => index + 1);
    expect(lengths.filter((length) => read(bytes.subarray(0, length)).kind !== 'more')).toEqual([]);
    expect(read(bytes)).toEqual(SAYS);
  }
});

test('pieces of any size give what the whole gives, and are kept in order', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.array(fc.integer({ min: 1, max: 300 })),
      (size, cuts) => {
        const bytes = splitRecords(hello, size);
        const reader = new ClientHelloReader();
        let at = 0;
        let last: ClientHello = { kind: 'more' };
        for (const cut of [...cuts, bytes.length]) {
          if (at >= bytes.length) break;
          expect(last).toEqual({ kind: 'more' });
          last = reader.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        expect(last).toEqual(SAYS);
        expect(reader.received.equals(bytes)).toBe(true);
      },
    ),
  );
});

test('a hello without name or protocols says so', async () => {
  expect(read(await recordHello({}))).toEqual({ kind: 'done', serverName: undefined, protocols: [] });
  const old = await recordHello({ servername: 'a.example', maxVersion: 'TLSv1.2' });
  expect(read(old)).toMatchObject({ serverName: 'a.example' });
});

test('what follows a whole ClientHello, such as early data, is left alone; inside of one it ends it', () => {
  const earlyData = Buffer.from([23, 3, 3, 0, 1, 0]);
  expect(read(Buffer.concat([hello, earlyData]))).toEqual(SAYS);
  expect(read(Buffer.concat([hello, Buffer.alloc(40_000)]))).toEqual(SAYS);
  expect(read(Buffer.concat([splitRecords(hello, 100).subarray(0, 105), earlyData]))).toEqual({
    kind: 'bad',
  });
});

test.each([
  ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
  ['HTTP, by its first byte', 'G'],
  ['SSH', 'SSH-2.0-x\r\n'],
  ['an alert', '\x15\x03\x01\0\x02\x02\x28'],
  ['another version', '\x16\x02'],
  ['an empty record', '\x16\x03\x01\0\0'],
  ['a record that is too long', '\x16\x03\x01\xff\xff'],
  ['SSL 2', '\x80\x2e\x01\x03\x01'],
  ['another handshake message', '\x16\x03\x01\0\x04\x02\0\0\0'],
  ['a hello of 16 MiB', '\x16\x03\x01\0\x04\x01\xff\xff\xff'],
])('%s is no ClientHello', (_name, text) => {
  expect(read(Buffer.from(text, 'latin1'))).toEqual({ kind: 'bad' });
});

test('an endless ClientHello is given up at the bound, however it is cut', () => {
  const body = Buffer.alloc(4096);
  const endless = Buffer.concat(
    Array.from({ length: 5 }, () => [Buffer.from([22, 3, 1, 0x10, 0]), body]).flat(),
  );
  endless.set([1, 0, 0x40, 0], 5); // a message of the greatest length that is read
  expect(read(endless.subarray(0, MAX_HELLO_BYTES - 1))).toEqual({ kind: 'more' });
  expect(read(endless.subarray(0, MAX_HELLO_BYTES))).toEqual({ kind: 'bad' });
  const reader = new ClientHelloReader();
  const results = Array.from(
    { length: MAX_HELLO_BYTES },
    (_, at) => reader.push(endless.subarray(at, at + 1)).kind,
  );
  expect(results.indexOf('bad')).toBe(MAX_HELLO_BYTES - 1);
});

test.each([
  ['a line break', 'chat\nexample'],
  ['a NUL', 'chat.example.com\0.evil.example'],
  ['no letters at all', ''],
  ['254 letters', 'a'.repeat(254)],
])('a name with %s, which no certificate could hold, is refused', (_name, serverName) => {
  expect(read(helloWith([0, nameList(nameEntry(serverName))]))).toEqual({ kind: 'bad' });
});

test('names that two readers could read differently are refused', () => {
  const one = nameList(nameEntry('a.example'));
  expect(read(helloWith([0, one]))).toMatchObject({ kind: 'done', serverName: 'a.example' });
  const odd = [
    helloWith([0, one], [0, nameList(nameEntry('b.example'))]),
    helloWith([0, nameList(nameEntry('a.example'), nameEntry('b.example'))]),
    helloWith([0, nameList(nameEntry('a.example', 1))]),
    helloWith([0, nameList(nameEntry('a.example', 1), nameEntry('b.example'))]),
    helloWith([0, Buffer.concat([one, Buffer.from([0])])]),
    helloWith([0, Buffer.alloc(0)]),
  ];
  for (const bytes of odd) expect(read(bytes)).toEqual({ kind: 'bad' });
});

test('no bytes make it throw: random ones, and hellos with noise in them', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void read(bytes)));
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 }), (at, noise) => {
      const damaged = Buffer.from(hello);
      damaged.set(noise.subarray(0, damaged.length - at), at);
      expect(['more', 'bad', 'done']).toContain(read(damaged).kind);
    }),
    { numRuns: 2000 },
  );
});
