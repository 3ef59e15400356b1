import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readProxyHeader } from './proxy-header.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

function version2(command: number, family: number, addresses: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(0x20 | command, 0);
  head.writeUInt8(family, 1);
  head.writeUInt16BE(addresses.length, 2);
  return Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), head, addresses]);
}

const IPV4 = Buffer.from([203, 0, 113, 7, 198, 51, 100, 1, 0xc3, 0x50, 1, 0xbb]);
const IPV6 = Buffer.concat([Buffer.from('20010db8000100020003000000000004', 'hex'), Buffer.alloc(20)]);

const GOOD: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['v1 TCP4', Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\r\n'), '203.0.113.7'],
  ['v1 TCP6', Buffer.from('PROXY TCP6 2001:db8::7 ::1 50000 443\r\n'), '2001:db8::7'],
  ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['v1 UNKNOWN with words', Buffer.from('PROXY UNKNOWN ffff::1 ::2 1 2\r\n'), undefined],
  ['v2 IPv4', version2(1, 0x11, IPV4), '203.0.113.7'],
  ['v2 IPv4 with a TLV', version2(1, 0x11, Buffer.concat([IPV4, Buffer.from([4, 0, 1, 0])])), '203.0.113.7'],
  ['v2 IPv6', version2(1, 0x21, IPV6), '2001:db8:1:2:3:0:0:4'],
  ['v2 LOCAL', version2(0, 0, Buffer.alloc(0)), undefined],
  ['v2 unix', version2(1, 0x31, Buffer.alloc(216)), undefined],
];

test.each(GOOD)('%s is read, wherever it is cut', (_name, header, source) => {
  const whole = Buffer.concat([header, Buffer.from('\x16\x03\x01rest')]);
  for (let length = 0; length < header.length; length++) {
    expect(readProxyHeader(whole.subarray(0, length))).toEqual({ kind: 'more' });
  }
  for (let length = header.length; length <= whole.length; length++) {
    expect(readProxyHeader(whole.subarray(0, length))).toEqual({
      kind: 'done',
      source,
      length: header.length,
    });
  }
});

test.each([
  ['lower case', 'proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['a missing port', 'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n'],
  ['a port above 65535', 'PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n'],
  ['two spaces', 'PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n'],
  ['another family', 'PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['IPv6 as IPv4', 'PROXY TCP4 ::1 ::1 1 2\r\n'],
  ['IPv4 as IPv6', 'PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['a bare LF', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n'],
  ['108 bytes', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`],
  ['an endless line', `PROXY UNKNOWN ${'x'.repeat(200)}`],
  ['TLS', '\x16\x03\x01'],
  ['HTTP', 'GET / HTTP/1.1\r\n'],
  ['v2 of another version', `${SIGNATURE}\x11\x11\0\x0c`],
  ['v2 with another command', `${SIGNATURE}\x22\x11\0\x0c`],
  ['v2 too long', `${SIGNATURE}\x21\x11\xff\xff`],
  ['v2 IPv4 too short', `${SIGNATURE}\x21\x11\0\x04\x01\x02\x03\x04`],
])('%s is no PROXY header', (_name, text) => {
  expect(readProxyHeader(Buffer.from(text, 'latin1'))).toEqual({ kind: 'bad' });
});

test('107 bytes are the longest line of version 1', () => {
  const line = `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`;
  expect(line).toHaveLength(107);
  expect(readProxyHeader(Buffer.from(line))).toMatchObject({ kind: 'done', length: 107 });
});

test('no bytes make it throw, and what it once called bad does not get better', () => {
  const starts = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', SIGNATURE, `${SIGNATURE}\x21\x11\0\x0c`);
  fc.assert(
    fc.property(starts, fc.uint8Array({ maxLength: 300 }), (start, bytes) => {
      const whole = Buffer.concat([Buffer.from(start, 'latin1'), bytes]);
      let last = 'more';
      for (let length = 0; length <= whole.length; length++) {
        const { kind } = readProxyHeader(whole.subarray(0, length));
        expect(last === 'more' ? kind : last).toBe(kind);
        last = kind;
      }
    }),
  );
});
