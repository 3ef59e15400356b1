import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Config, configSchema } from '../config/schema.ts';
import type { Door } from '../edge/contract.ts';
import { homeFolder } from '../platform/home-folder.ts';
import {
  certificateSourcesOf,
  edgeServicesOf,
  knownHostsLine,
  lanesOf,
  relayAddressOf,
  remoteCommandOf,
  remoteEndOf,
} from './compose.ts';
import { DoorOpener } from './doors.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

const certificate = { cert: 'c.pem', key: '/k.pem' };
const make = (services: object[], relay: object = {}, more: object = {}): Config =>
  configSchema.parse({ home: 'mac', relay: { host: 'vps.example.com', ...relay }, services, ...more });
const home = { name: 'a.example.com', to: 'http://127.0.0.1:1', certificate };
const relayed = { name: 'b.example.com', to: 'unix:/s.sock', tls: 'relay' };

let root = '';
beforeEach(async () => {
  root = makeTestFolder('pd-');
  for (const name of ['ssh', 'run']) await mkdir(join(root, name));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('each way of TLS has its lane; a gate is TLS at home', () => {
  expect(lanesOf(make([home]))).toEqual(['tls']);
  expect(lanesOf(make([relayed]))).toEqual(['http']);
  expect(lanesOf(make([home, relayed]))).toEqual(['tls', 'http']);
  expect(lanesOf(make([relayed], {}, { gate: 'gate.example.com', gateCertificate: certificate }))).toEqual([
    'tls',
    'http',
  ]);
});

test('the denied paths belong to kind: openclaw alone', () => {
  const [web, openclaw] = edgeServicesOf(make([home, { ...home, name: 'c.example.com', kind: 'openclaw' }]));
  expect(web?.isPathDenied('/tools/invoke')).toBe(false);
  expect(openclaw?.isPathDenied('/tools/invoke')).toBe(true);
  expect(openclaw?.isPathDenied('/')).toBe(false);
});

test('a name is served only where its TLS ends', () => {
  expect(edgeServicesOf(make([home, relayed])).map(({ tls }) => tls)).toEqual(['home', 'relay']);
});

test('a name that ends TLS at home without a certificate is an error', () => {
  expect(certificateSourcesOf(make([home, relayed]), '/x/postern.yaml', '/c')).toEqual([
    { name: 'a.example.com', certFile: '/x/c.pem', keyFile: '/k.pem' },
  ]);
  const { certificate: _, ...bare } = home;
  expect(() => certificateSourcesOf(make([bare]), '/x/postern.yaml', '/c')).toThrow('names no certificate');
  expect(() => certificateSourcesOf(make([home], {}, { gate: 'g.example.com' }), '/x', '/c')).toThrow(
    'g.example.com',
  );
});

test('without root on the relay it is ports and the whole script', () => {
  const config = make([home], { forward: 'port', ports: [20001, 20002] });
  expect(remoteEndOf(config, 2, 'tls')).toEqual({ host: '127.0.0.1', port: 20_002 });
  expect(remoteCommandOf(config, 1)).toMatch(/^exec sh -c/);
  expect(remoteEndOf(make([home]), 2, 'http')).toEqual({ path: '/var/lib/postern/mac/2.http.sock' });
  expect(remoteCommandOf(make([home]), 2)).toBe('link 2');
});

test('ssh is started with a pinned host key, or not at all', async () => {
  const folder = homeFolder({ POSTERN_HOME: root });
  await expect(relayAddressOf(make([home]), folder)).rejects.toMatchObject({ code: 'LINK_HOST_KEY_MISSING' });
  await writeFile(join(root, 'ssh/known_hosts'), 'x');
  expect(await relayAddressOf(make([home]), folder)).toMatchObject({
    account: 'postern-mac',
    identityFile: undefined,
    knownHostsFile: join(root, 'ssh/known_hosts'),
  });
  await writeFile(join(root, 'ssh/id_ed25519'), 'x');
  const pinned = make([home], { port: 2222, hostKey: 'ssh-ed25519 AAAA comment', account: 'bob' });
  const address = await relayAddressOf(pinned, folder);
  expect(address).toMatchObject({ account: 'bob', identityFile: join(root, 'ssh/id_ed25519') });
  expect(await readFile(address.knownHostsFile, 'utf8')).toBe(
    '[vps.example.com]:2222 ssh-ed25519 AAAA comment\n',
  );
  expect((await stat(address.knownHostsFile)).mode & 0o777).toBe(0o600);
  expect(knownHostsLine('h', 22, 'k')).toBe('h k\n');
});

test('each connection has doors of its own; a door that cannot be opened closes the others', async () => {
  const opened: string[] = [];
  const closed: string[] = [];
  let failAt = Infinity;
  const pass: (() => void)[] = [];
  const openDoor = async (kind: string, address: object): Promise<Door> => {
    const { path } = address as { path: string };
    if (opened.length === failAt) throw new Error('no more');
    opened.push(`${kind} ${path}`);
    return {
      address: { path },
      passed: new Promise((resolve) => pass.push(resolve)),
      close: async () => void closed.push(path),
    };
  };
  const gone = Promise.withResolvers<void>();
  const config = make([home, relayed]);
  const doors = new DoorOpener({
    config,
    lanes: lanesOf(config),
    edge: { openDoor: openDoor as never },
    runFolder: '/r',
    predecessorGone: gone.promise,
    canProbe: () => true,
  });
  const passedSlots: number[] = [];
  const first = await doors.open(1, (slot) => passedSlots.push(slot));
  const second = await doors.open(1, () => {});
  expect(new Set(opened).size).toBe(4);
  expect(first.forwards).toEqual([
    { remote: { path: '/var/lib/postern/mac/1.sock' }, local: { path: `/r/${process.pid}-1-tls.sock` } },
    {
      remote: { path: '/var/lib/postern/mac/1.http.sock' },
      local: { path: `/r/${process.pid}-1-http.sock` },
    },
  ]);
  let isPassed = false;
  void first.passed.then(() => (isPassed = true));
  pass[1]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect([passedSlots, isPassed]).toEqual([[1], false]);
  gone.resolve();
  await first.passed;
  await second.close();
  expect(closed).toHaveLength(2);
  failAt = opened.length + 1;
  await expect(doors.open(2, () => {})).rejects.toThrow('no more');
  expect(closed).toHaveLength(3);
});
