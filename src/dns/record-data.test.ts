import { expect, test } from 'vitest';
import { canonicalIpv6, isIpv4 } from './addresses.ts';
import { addressData, aliasData, areSameSets, caaData, isSameData, renderData } from './record-data.ts';

test.each(['203.0.113.5', '0.0.0.0', '255.255.255.255'])('%s is an IPv4 address', (address) => {
  expect(isIpv4(address)).toBe(true);
});

test.each(['256.1.1.1', '1.2.3', '1.2.3.4.', '01.2.3.4', '1.2.3.4.5', '0x1.2.3.4', ' 1.2.3.4', '1.2.3.4\n'])(
  '%j is no address',
  (address) => {
    expect(isIpv4(address)).toBe(false);
    expect(addressData(address)).toBeUndefined();
  },
);

test.each(['2001:db8::1', '2001:DB8:0:0::1', '2001:0db8:0000:0000:0000:0000:0000:0001'])(
  '%s is one address in three spellings',
  (address) => expect(canonicalIpv6(address)).toBe('2001:db8::1'),
);

test.each(['::g', 'fe80::1%eth0', '2001:db8::1]/x', '1:2:3:4:5:6:7:8:9', ':'])(
  '%j is no IPv6 address',
  (address) => {
    expect(canonicalIpv6(address)).toBeUndefined();
  },
);

test('records compare by meaning', () => {
  expect(
    isSameData({ type: 'AAAA', address: '2001:DB8::0:1' }, { type: 'AAAA', address: '2001:db8::1' }),
  ).toBe(true);
  expect(isSameData({ type: 'CNAME', target: 'A.Example.' }, { type: 'CNAME', target: 'a.example' })).toBe(
    true,
  );
  expect(isSameData({ type: 'TXT', text: 'a' }, { type: 'TXT', text: 'A' })).toBe(false);
  const caa = { type: 'CAA', flags: 0, tag: 'issue', value: 'a.example' } as const;
  expect(isSameData(caa, { ...caa, tag: 'ISSUE' })).toBe(true);
  expect(isSameData(caa, { ...caa, flags: 128 })).toBe(false);
  expect(
    areSameSets([caa, { type: 'A', address: '1.2.3.4' }], [{ type: 'A', address: '1.2.3.4' }, caa]),
  ).toBe(true);
  expect(areSameSets([caa], [])).toBe(false);
});

test.each([
  { flags: 256, tag: 'issue', value: '' },
  { flags: -1, tag: 'issue', value: '' },
  { flags: 0.5, tag: 'issue', value: '' },
  { flags: 0, tag: '', value: '' },
  { flags: 0, tag: 'is sue', value: '' },
  { flags: 0, tag: 'issue', value: 7 },
])('%j is no CAA property', (fields) => {
  expect(caaData(fields)).toBeUndefined();
});

test('an alias to what is no name is none', () => {
  expect(aliasData('a.example\nsend')).toBeUndefined();
  expect(aliasData(7)).toBeUndefined();
});

test('a record is printed as a zone file writes it', () => {
  const value = 'letsencrypt.org; accounturi=https://ca.example/1';
  expect(renderData({ type: 'CAA', flags: 0, tag: 'issue', value })).toBe(`CAA 0 issue "${value}"`);
  expect(renderData({ type: 'CNAME', target: 'a.example' })).toBe('CNAME a.example.');
});
