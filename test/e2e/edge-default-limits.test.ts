import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limitsSchema } from '../../src/config/schema.ts';
import { TestEdge } from '../support/edge-home.ts';
import { RawService } from '../support/edge-service.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';
import { waitFor } from '../support/wait-for.ts';

let service: RawService;
let home: TestEdge;

beforeAll(async () => {
  service = await RawService.start();
  home = await TestEdge.start({ target: service.target });
});
afterAll(async () => {
  await home.stop();
  await service.stop();
});

const countReaches = (count: number): Promise<unknown> =>
  waitFor(`${count} connections`, 10_000, () => home.edge.counts().connections === count);

const connectFrom = (address: string): Promise<Wire | undefined> =>
  home.connectTls({ proxyLine: `PROXY TCP4 ${address} 198.51.100.1 1 2\r\n` }).then(
    (socket) => new Wire(socket),
    () => undefined,
  );

async function signIn(wire: Wire): Promise<void> {
  wire.send(signedInRequest('GET /'));
  expect((await wire.answer()).status).toBe(200);
}

/** Opens `count` connections, a few at a time. */
async function open<T>(count: number, connect: (number: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let start = 0; start < count; start += 50) {
    const some = Array.from({ length: Math.min(50, count - start) }, (_, index) => connect(start + index));
    all.push(...(await Promise.all(some)));
  }
  return all;
}

test('the limits that nobody has changed: 100 of an address, 200 signed in, 1000 strangers, 2000 in all', async () => {
  expect(limitsSchema.parse({})).toMatchObject({
    connectionsPerAddress: 100,
    connectionsPerAddressSignedIn: 200,
    strangerConnections: 1000,
    connections: 2000,
  });
  const first = await open(100, () => connectFrom('203.0.113.1'));
  expect(first.every((wire) => wire !== undefined)).toBe(true);
  expect(await connectFrom('203.0.113.1')).toBeUndefined();
  expect(await connectFrom('203.0.113.2')).toBeDefined();
  await signIn(first[0] as Wire);
  const more = await open(100, () => connectFrom('203.0.113.1'));
  expect(more.every((wire) => wire !== undefined)).toBe(true);
  expect(await connectFrom('203.0.113.1')).toBeUndefined();
  await home.dropClients();

  const plainPath = join(home.folder, 'plain.sock');
  await home.edge.openDoor('link-http', { path: plainPath });
  const connectPlain = async (): Promise<Wire> => {
    const socket = home.connectRaw(plainPath);
    await once(socket, 'connect');
    return new Wire(socket);
  };
  const owners = await open(999, async () => {
    const wire = await connectPlain();
    await signIn(wire);
    return wire;
  });
  // All at once: they wait in the door's queue.
  const strangers = await Promise.all(Array.from({ length: 1000 }, connectPlain));
  await countReaches(1999);
  expect(strangers.every((wire) => !wire.isEnded)).toBe(true);
  const last = await connectPlain();
  await waitFor('the oldest stranger gives way', 10_000, () => strangers.some((wire) => wire.isEnded));
  expect(strangers.filter((wire) => wire.isEnded)).toHaveLength(1);
  await countReaches(1999);
  await signIn(last);
  strangers.push(await connectPlain());
  await countReaches(2000);
  await (await connectPlain()).ended();
  expect(home.edge.counts().connections).toBe(2000);
  expect(owners.some((wire) => wire.isEnded)).toBe(false);
}, 60_000);
