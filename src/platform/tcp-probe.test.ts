import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { listsAes } from './cpu.ts';
import { makeTcpProbe } from './tcp-probe.ts';

const never = new AbortController().signal;

test('a port that listens is reached, and the connection is closed at once', async () => {
  let closed = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => closed++).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const host of ['127.0.0.1', 'localhost'])
    expect(await makeTcpProbe(host, port)(1000, never)).toBe(true);
  while (closed < 2) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => server.close(resolve));
  expect(await makeTcpProbe('127.0.0.1', port)(1000, never), 'and a closed one is not').toBe(false);
});

test('a name that cannot exist, and an attempt that is called off, are not reached', async () => {
  expect(await makeTcpProbe('a..b', 22)(3000, never)).toBe(false);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const probe = makeTcpProbe('127.0.0.1', (server.address() as AddressInfo).port);
  const abort = new AbortController();
  const answer = probe(60_000, abort.signal);
  abort.abort();
  expect(await answer).toBe(false);
  expect(await probe(60_000, abort.signal)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
});

test('AES instructions are read from the flags of either architecture, as a whole word', () => {
  expect(listsAes('processor : 0\nflags\t\t: fpu vme aes avx\n', 'x64')).toBe(true);
  expect(listsAes('processor : 0\nflags\t\t: fpu vme vaes_not aesx\n', 'x64')).toBe(false);
  expect(listsAes('processor : 0\nFeatures\t: fp asimd evtstrm aes pmull\n', 'arm64')).toBe(true);
  expect(listsAes('processor : 0\nFeatures\t: fp asimd evtstrm\n', 'arm64')).toBe(false);
  expect(listsAes('', 'x64')).toBe(false);
});
