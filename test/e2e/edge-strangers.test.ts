import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SIGNED_IN_COOKIE } from '../support/edge-gatekeeper.ts';
import { requestHttp2 } from '../support/edge-http2.ts';
import { NAME, TestEdge } from '../support/edge-home.ts';
import { RawService } from '../support/edge-service.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';
import { waitFor } from '../support/wait-for.ts';

let service: RawService;
let home: TestEdge;

beforeEach(async () => {
  service = await RawService.start();
  home = await TestEdge.start({ target: service.target, limits: { strangerConnections: 3, connections: 6 } });
});
afterEach(async () => {
  await home.stop();
  await service.stop();
});

const countReaches = (count: number): Promise<unknown> =>
  waitFor(`${count} connections`, 2000, () => home.edge.counts().connections === count);

async function connectSilently(count: number): Promise<Wire[]> {
  const wires: Wire[] = [];
  for (let number = 1; number <= count; number++) {
    wires.push(new Wire(home.connectRaw()));
    await countReaches(number);
  }
  return wires;
}

describe('strangers hold at most their part of the connections', () => {
  test('three stay; a fourth replaces the oldest', async () => {
    const wires = await connectSilently(3);
    expect(wires.map(({ isEnded }) => isEnded)).toEqual([false, false, false]);
    const fourth = new Wire(home.connectRaw());
    await wires[0]?.ended();
    expect(home.edge.counts().connections).toBe(3);
    expect([wires[1], wires[2], fourth].map((wire) => wire?.isEnded)).toEqual([false, false, false]);
  });

  test('a crowd of silent connections does not keep the owner out, and does not push the owner off', async () => {
    await connectSilently(3);
    const owner = new Wire(await home.connectTls());
    owner.send(signedInRequest('GET /'));
    expect((await owner.answer()).status).toBe(200);
    for (let count = 0; count < 10; count++) {
      const one = new Wire(home.connectRaw());
      await waitFor('it is open', 2000, () => home.edge.counts().connections === 4 && !one.isEnded);
    }
    owner.send(signedInRequest('GET /again'));
    expect((await owner.answer()).status).toBe(200);
  });

  test('who has signed in counts no more, over HTTP/1.1 and HTTP/2; all together stay below the whole', async () => {
    const owner = new Wire(await home.connectTls());
    owner.send(signedInRequest('GET /'));
    await owner.answer();
    const session = await home.connectHttp2();
    await requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
    const strangers: Wire[] = [];
    for (let number = 3; number <= 5; number++) {
      strangers.push(new Wire(home.connectRaw()));
      await countReaches(number);
    }
    expect(strangers.every((wire) => !wire.isEnded)).toBe(true);
    const third = new Wire(await home.connectTls());
    await strangers[0]?.ended();
    third.send(signedInRequest('GET /'));
    expect((await third.answer()).status).toBe(200);
    strangers.push(new Wire(home.connectRaw()));
    await countReaches(6);
    await new Wire(home.connectRaw()).ended();
    expect([owner.isEnded, third.isEnded, session.closed]).toEqual([false, false, false]);
  });

  test('a stranger with a running request is not pushed out: the newcomer goes', async () => {
    const busy: Wire[] = [];
    for (let count = 0; count < 3; count++) {
      const wire = new Wire(await home.connectTls());
      wire.send(`POST / HTTP/1.1\r\nHost: ${NAME}\r\nContent-Length: 10\r\n\r\n12345`);
      busy.push(wire);
      await waitFor('the request is there', 2000, () => home.gatekeeper.asked.length === count + 1);
    }
    await new Wire(home.connectRaw()).ended();
    for (const wire of busy) {
      wire.send('67890');
      expect(await wire.answer()).toMatchObject({ status: 200, body: 'thanks' });
    }
    const newcomer = new Wire(home.connectRaw());
    await busy[0]?.ended();
    expect(newcomer.isEnded).toBe(false);
  });

  test("signing in through the relay's nginx counts too", async () => {
    await home.stop();
    home = await TestEdge.start({
      target: service.target,
      limits: { strangerConnections: 1 },
      doorKind: 'link-http',
    });
    const owner = new Wire(home.connectRaw());
    owner.send(signedInRequest('GET /'));
    expect((await owner.answer()).status).toBe(200);
    const stranger = new Wire(home.connectRaw());
    await countReaches(2);
    new Wire(home.connectRaw());
    await stranger.ended();
    expect(owner.isEnded).toBe(false);
  });
});
