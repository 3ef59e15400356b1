import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SIGNED_IN_COOKIE } from '../support/edge-gatekeeper.ts';
import { requestHttp2 } from '../support/edge-http2.ts';
import { NAME, TestEdge } from '../support/edge-home.ts';
import { RawService } from '../support/edge-service.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';

const OWN = '198.51.100.77';
const OWN_6 = '2001:db8::77';

let service: RawService;
let home: TestEdge;
let plain: TestEdge;

beforeAll(async () => {
  service = await RawService.start();
  const options = {
    target: service.target,
    hstsSeconds: 0,
    isOwnAddress: (address: string) => address === OWN || address === OWN_6,
  };
  home = await TestEdge.start(options);
  plain = await TestEdge.start({ ...options, doorKind: 'link-http' });
});
afterEach(() => service.reset());
afterAll(async () => {
  await plain.stop();
  await home.stop();
  await service.stop();
});

describe('addresses of this very machine', () => {
  const forwardedFor = (): string | undefined => service.last.fields.get('x-forwarded-for')?.[0];

  test.each([
    [`TCP4 ${OWN}`, '198.51.100.1'],
    [`TCP6 ${OWN_6}`, '2001:db8::1'],
    ['TCP6 2001:DB8:0:0::77', '2001:db8::1'],
  ])('%s in a PROXY header is nobody', async (source, destination) => {
    const wire = new Wire(await home.connectTls({ proxyLine: `PROXY ${source} ${destination} 1 2\r\n` }));
    wire.send(signedInRequest('GET /'));
    expect((await wire.answer()).status).toBe(200);
    expect(forwardedFor()).toBe('192.0.2.1');
    expect(home.gatekeeper.asked.at(-1)?.client).toEqual({ text: 'unknown', bucket: 'unknown' });
  });

  test('its neighbour is somebody', async () => {
    const wire = new Wire(
      await home.connectTls({ proxyLine: 'PROXY TCP4 198.51.100.78 198.51.100.1 1 2\r\n' }),
    );
    wire.send(signedInRequest('GET /'));
    await wire.answer();
    expect(forwardedFor()).toBe('198.51.100.78');
  });

  test("in the X-Forwarded-For of the relay's nginx too", async () => {
    for (const [claimed, passed] of [
      [OWN, '192.0.2.1'],
      ['198.51.100.78', '198.51.100.78'],
    ]) {
      const wire = new Wire(plain.connectRaw());
      wire.send(signedInRequest('GET /', [`X-Forwarded-For: ${claimed}`]));
      expect((await wire.answer()).status).toBe(200);
      expect(forwardedFor()).toBe(passed);
    }
  });
});

describe('an edge that promises no HSTS takes every promise back', () => {
  test.each([undefined, 'max-age=63072000; includeSubDomains', 'nonsense'])(
    'service: %s',
    async (ofService) => {
      const field = ofService === undefined ? '' : `Strict-Transport-Security: ${ofService}\r\n`;
      service.onRequest = () => `HTTP/1.1 200 OK\r\n${field}Content-Length: 0\r\n\r\n`;
      const wire = new Wire(await home.connectTls());
      wire.send(signedInRequest('GET /'));
      const { head } = await wire.answer();
      expect(head.match(/^strict-transport-security: .*$/gim)).toEqual([
        'Strict-Transport-Security: max-age=0',
      ]);
      const session = await home.connectHttp2();
      const answer = await requestHttp2(session, {
        ':authority': NAME,
        ':path': '/',
        cookie: SIGNED_IN_COOKIE,
      });
      expect(answer.headers['strict-transport-security']).toBe('max-age=0');
    },
  );

  test('on the answers of the edge itself and on refusals as well', async () => {
    const gate = new Wire(await home.connectTls());
    gate.send(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
    const refused = new Wire(await home.connectTls());
    refused.send('GET / HTTP/1.1\r\n\r\n');
    for (const { head } of [await gate.answer(), await refused.answer()]) {
      expect(head).toMatch(/^strict-transport-security: max-age=0$/im);
    }
    const session = await home.connectHttp2();
    const answer = await requestHttp2(session, { ':authority': NAME, ':path': '/' });
    expect(answer.headers['strict-transport-security']).toBe('max-age=0');
  });
});
