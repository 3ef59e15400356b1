import { expect, test } from 'vitest';
import { SlotTable, type WayHome } from './slots.ts';
import { writeProxyHeader } from './proxy-header.ts';

const way = (): WayHome => ({ open: () => {} });

test('visitors go round, and every way is a fallback of every other', () => {
  const table = new SlotTable();
  const [one, two] = [way(), way()];
  table.bind(1, one);
  table.bind(2, two);
  expect(table.inTurn()).toEqual([one, two]);
  expect(table.inTurn()[0]).toBe(two);
  expect(table.inTurn()[0]).toBe(one);
});

test('binding takes a slot over at once, and the end of the older one leaves the newcomer alone', () => {
  const table = new SlotTable();
  const [older, newer] = [way(), way()];
  table.bind(1, older);
  table.bind(1, newer);
  table.unbind(1, older);
  expect(table.inTurn()).toEqual([newer]);
  table.unbind(1, newer);
  expect(table.inTurn()).toEqual([]);
});

test('the PROXY header is that of the specification', () => {
  const ends = { remoteAddress: '127.0.0.1', remotePort: 50_000, localAddress: '127.0.0.1', localPort: 443 };
  expect(writeProxyHeader(ends)).toBe('PROXY TCP4 127.0.0.1 127.0.0.1 50000 443\r\n');
  expect(writeProxyHeader({ ...ends, remoteAddress: '::1', localAddress: '::1' })).toBe(
    'PROXY TCP6 ::1 ::1 50000 443\r\n',
  );
});
