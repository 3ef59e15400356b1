import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toClientAddress } from './client-address.ts';

const read = (text: string): unknown => toClientAddress(text, () => false);

test.each([
  ['203.0.113.7', '203.0.113.7', '203.0.113.7'],
  ['8.8.8.8', '8.8.8.8', '8.8.8.8'],
  ['::ffff:203.0.113.7', '203.0.113.7', '203.0.113.7'],
  ['::ffff:cb00:7107', '203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0000:0000:0000:0000:0000:0001', '2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1', '2001:db8:0:1::/64'],
  ['2001:db8::203.0.113.7', '2001:db8::cb00:7107', '2001:db8:0:0::/64'],
])('%s is %s in the bucket %s', (claimed, text, bucket) => {
  expect(read(claimed)).toEqual({ text, bucket });
});

test.each([
  '127.0.0.1',
  '127.255.0.1',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.1.1',
  '100.64.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fe80::1%eth0',
  'fc00::1',
  'fd12::1',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '',
  'unknown',
  '203.0.113.7, 8.8.8.8',
  '203.0.113.7:80',
  '0x7f.1',
  '2130706433',
  '203.0.113.07',
  '[2001:db8::1]',
  'localhost',
])('%j says nothing of the visitor', (claimed) => {
  expect(read(claimed)).toEqual({ text: 'unknown', bucket: 'unknown' });
});

test('172.15 and 172.32 are public, next to what is not', () => {
  expect(read('172.15.255.255')).toMatchObject({ text: '172.15.255.255' });
  expect(read('172.32.0.0')).toMatchObject({ text: '172.32.0.0' });
  expect(read('100.63.255.255')).toMatchObject({ text: '100.63.255.255' });
});

test('an address of the home itself says nothing', () => {
  expect(toClientAddress('2001:0db8::5', (address) => address === '2001:db8::5')).toMatchObject({
    text: 'unknown',
  });
});

test('every spelling of an IPv6 address is the same visitor', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 7, maxLength: 7 }), (rest) => {
      const groups = [0x2001, ...rest].map((group) => group.toString(16));
      const long = groups.map((group) => group.padStart(4, '0').toUpperCase()).join(':');
      const canonical = toClientAddress(long, () => false);
      expect(toClientAddress(canonical.text, () => false)).toEqual(canonical);
      expect(toClientAddress(groups.join(':'), () => false)).toEqual(canonical);
      expect(canonical.bucket).toBe(`${groups.slice(0, 4).join(':')}::/64`);
    }),
  );
});

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended()), (text) => void read(text)),
  );
});
