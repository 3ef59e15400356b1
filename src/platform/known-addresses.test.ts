import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { knowOwnAddresses } from './known-addresses.ts';

test('a new address of this machine is known within 10 s, an old one forgotten', () => {
  const clock = new FakeClock();
  let addresses = ['198.51.100.4', '2001:DB8::4'];
  const isOwn = knowOwnAddresses(clock, () => addresses);
  expect([isOwn('198.51.100.4'), isOwn('2001:db8::4'), isOwn('198.51.100.5')]).toEqual([true, true, false]);
  addresses = ['198.51.100.5'];
  clock.advance(10_000);
  expect([isOwn('198.51.100.4'), isOwn('198.51.100.5')]).toEqual([false, true]);
});

test('the addresses are those of the interfaces', () => {
  const isOwn = knowOwnAddresses(new FakeClock());
  const outer = Object.values(networkInterfaces())
    .flatMap((one) => one ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  for (const { address } of outer) expect(isOwn(address)).toBe(true);
  expect(isOwn('192.0.2.77')).toBe(false);
});
