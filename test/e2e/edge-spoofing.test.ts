import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SIGNED_IN_COOKIE, SIGNED_IN_TOKEN } from '../support/edge-gatekeeper.ts';
import { requestHttp2 } from '../support/edge-http2.ts';
import { NAME, PROXY_LINE, TestEdge, VISITOR } from '../support/edge-home.ts';
import { RawService } from '../support/edge-service.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';
import { waitFor } from '../support/wait-for.ts';

let service: RawService;
let home: TestEdge;
const OPEN = 'open.localhost';
const GATE = 'gate.localhost';
const AT_HOME = 'open.home.localhost';
const AT_RELAY = 'open.relay.localhost';

beforeAll(async () => {
  service = await RawService.start();
  home = await TestEdge.start({
    target: service.target,
    gate: GATE,
    services: [
      { name: NAME, isPathDenied: (path) => path.startsWith('/denied') },
      { name: OPEN, access: 'none' },
      { name: 'open.login.localhost' },
      { name: AT_HOME, tls: 'home' },
      { name: AT_RELAY, tls: 'relay' },
    ],
  });
  await home.certificates.make(GATE);
});
afterEach(() => {
  service.reset();
  home.gatekeeper.asked.length = 0;
  home.gatekeeper.forStrangers = { kind: 'gate' };
});
afterAll(async () => {
  await home.stop();
  await service.stop();
});

async function ask(fields: readonly string[], line = 'GET /'): Promise<Wire> {
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest(line, fields));
  return wire;
}

describe('who the visitor is, only the edge says', () => {
  const CLAIMS = [
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Port: 1',
    'X-Forwarded-User: root',
    'X_Forwarded_For: 127.0.0.1',
    'x-forwarded_for: 127.0.0.1',
    'Forwarded: for=127.0.0.1',
    'X-Real-IP: 127.0.0.1',
    'X_Real_IP: 127.0.0.1',
    'True-Client-IP: 127.0.0.1',
    'CF-Connecting-IP: 127.0.0.1',
    'Tailscale-User-Login: ann@example.com',
    'Tailscale_User_Login: ann@example.com',
    'Remote-User: root',
    'X-Remote-User: root',
    'X-WebAuth-User: root',
    'X-Auth-Request-Email: root@example.com',
    'X-Original-URL: /admin',
    'X-Rewrite-URL: /admin',
    'Proxy: http://evil.example',
    'Proxy-Authorization: Basic x',
    'Keep-Alive: timeout=100',
    'TE: trailers',
    'HTTP2-Settings: x',
    'Content_Length: 5',
    'Transfer_Encoding: chunked',
  ];

  test.each(CLAIMS)('%s is not passed on', async (claim) => {
    const wire = await ask([claim]);
    expect((await wire.answer()).status).toBe(200);
    const { fields } = service.last;
    expect(fields.get('x-forwarded-for')).toEqual([VISITOR]);
    expect(fields.get('x-forwarded-proto')).toEqual(['https']);
    expect(fields.get('x-forwarded-host')).toEqual([NAME]);
    expect([...fields.keys()].sort()).toEqual([
      'host',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-proto',
    ]);
  });

  test('the same over HTTP/2', async () => {
    const session = await home.connectHttp2();
    const claims = CLAIMS.filter((claim) => !/^(?:keep-alive|te|http2-settings|proxy)/i.test(claim)).map(
      (claim): [string, string] => [
        claim.slice(0, claim.indexOf(':')).toLowerCase(),
        claim.slice(claim.indexOf(':') + 2),
      ],
    );
    await requestHttp2(session, {
      ':authority': NAME,
      ':path': '/',
      cookie: SIGNED_IN_COOKIE,
      ...Object.fromEntries(claims),
    });
    expect([...service.last.fields.keys()].sort()).toEqual([
      'host',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-proto',
    ]);
  });

  test('fields that Connection names go no further, but the stamp of the edge stays', async () => {
    const wire = await ask([
      'Connection: close, X-Forwarded-For, X-Secret, Host, Cookie',
      'X-Secret: 1',
      'X-Kept: 2',
      'Connection: X-Other',
      'X-Other: 3',
    ]);
    // The Cookie was named too, so the visitor is a stranger now.
    expect((await wire.answer()).body).toBe('sign in');
    const second = await ask(['Connection: X-Forwarded-For, X-Secret, Host', 'X-Secret: 1', 'X-Kept: 2']);
    expect((await second.answer()).status).toBe(200);
    expect(service.last.fields.get('x-forwarded-for')).toEqual([VISITOR]);
    expect(service.last.fields.get('host')).toEqual([NAME]);
    expect(service.last.fields.get('x-kept')).toEqual(['2']);
    expect(service.last.fields.has('x-secret')).toBe(false);
    expect(service.last.fields.has('connection')).toBe(false);
  });

  test('Host, Origin and Authorization of the visitor reach the service untouched', async () => {
    const wire = await ask(['Origin: https://chat.localhost', 'Authorization: Bearer of-the-service']);
    expect((await wire.answer()).status).toBe(200);
    expect(service.last.fields.get('origin')).toEqual(['https://chat.localhost']);
    expect(service.last.fields.get('authorization')).toEqual(['Bearer of-the-service']);
    expect(home.gatekeeper.asked[0]).toMatchObject({ origin: 'https://chat.localhost', serviceName: NAME });
  });

  test('no cookie and no token of the edge reaches the service, on WebSocket handshakes neither', async () => {
    const upgrade = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    for (const [index, more] of [[], upgrade].entries()) {
      const wire = new Wire(await home.connectTls());
      const cookies = `Cookie: theirs=1; ${SIGNED_IN_COOKIE}; other=2`;
      wire.send(['GET / HTTP/1.1', `Host: ${NAME}`, cookies, ...more, '', ''].join('\r\n'));
      await waitFor('the service saw it', 2000, () => service.seen.length === index + 1);
      expect(service.last.fields.get('cookie')).toEqual(['theirs=1; other=2']);
      expect(service.last.head).not.toContain('__Host-test');
    }
    const wire = new Wire(await home.connectTls());
    wire.send(`GET / HTTP/1.1\r\nHost: ${NAME}\r\nAuthorization: ${SIGNED_IN_TOKEN}\r\n\r\n`);
    expect((await wire.answer()).status).toBe(200);
    expect(service.last.fields.has('authorization')).toBe(false);
  });
});

describe('what the service says of the edge', () => {
  test('its cookies under our names are dropped, others pass', async () => {
    service.onRequest = () =>
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: __Host-test=stolen; Path=/\r\nset-cookie:  __Host-test =x\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n';
    const { head } = await (await ask([])).answer();
    expect(head.match(/^set-cookie: .*$/gim)).toEqual(['Set-Cookie: a=1; Path=/', 'Set-Cookie: b=2']);
    const session = await home.connectHttp2();
    const answer = await requestHttp2(session, {
      ':authority': NAME,
      ':path': '/',
      cookie: SIGNED_IN_COOKIE,
    });
    expect(answer.headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2']);
  });

  test.each([
    ['max-age=0', 'max-age=31536000'],
    ['max-age=63072000; includeSubDomains', 'max-age=63072000; includeSubDomains'],
    ['nonsense', 'max-age=31536000'],
  ])('HSTS %s becomes %s', async (ofService, atVisitor) => {
    service.onRequest = () =>
      `HTTP/1.1 200 OK\r\nStrict-Transport-Security: ${ofService}\r\nContent-Length: 0\r\n\r\n`;
    const { head } = await (await ask([])).answer();
    expect(head.match(/^strict-transport-security: .*$/gim)).toEqual([
      `Strict-Transport-Security: ${atVisitor}`,
    ]);
  });

  test('fields of its hop and Alt-Svc stay behind', async () => {
    service.onRequest = () =>
      'HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nAlt-Svc: h3=":443"\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n';
    const { head } = await (await ask([])).answer();
    expect(head).not.toMatch(/x-hop|keep-alive|alt-svc|upgrade/i);
  });
});

describe('a name belongs to its connection', () => {
  test('Host ≠ SNI is 421, on HTTP/1.1 and on a coalesced HTTP/2 connection; the right name still works', async () => {
    const wire = new Wire(await home.connectTls());
    wire.send(`GET / HTTP/1.1\r\nHost: ${OPEN}\r\n\r\n`);
    expect((await wire.answer()).status).toBe(421);
    wire.send(signedInRequest('GET /'));
    expect((await wire.answer()).status).toBe(200);
    const session = await home.connectHttp2();
    expect(await requestHttp2(session, { ':authority': OPEN, ':path': '/' })).toMatchObject({ status: 421 });
    const fine = await requestHttp2(session, { ':authority': NAME, ':path': '/', cookie: SIGNED_IN_COOKIE });
    expect(fine.status).toBe(200);
    expect(service.seen).toHaveLength(2);
  });

  test.each([`${NAME}:8443`, `${NAME}.`, ` ${NAME}:443x`, 'chat', '', `${NAME},${OPEN}`, `x@${NAME}`])(
    'Host: %s is not this name',
    async (host) => {
      const wire = new Wire(await home.connectTls());
      wire.send(`GET / HTTP/1.1\r\nHost: ${host}\r\nCookie: ${SIGNED_IN_COOKIE}\r\n\r\n`);
      expect([400, 421]).toContain((await wire.answer()).status);
      expect(service.seen).toEqual([]);
    },
  );

  test.each(['CHAT.localhost', `${NAME}:443`])('Host: %s is this name', async (host) => {
    const wire = new Wire(await home.connectTls());
    wire.send(`GET / HTTP/1.1\r\nHost: ${host}\r\nCookie: ${SIGNED_IN_COOKIE}\r\n\r\n`);
    expect((await wire.answer()).status).toBe(200);
  });

  test('a name that is not ours, or none, gets no handshake', async () => {
    await expect(home.connectTls({ name: 'unknown.localhost' })).rejects.toThrow(
      /closed before TLS|ECONNRESET|ENOENT|ECONNREFUSED|EPIPE|socket|SSL|alert|version/i,
    );
    await expect(home.connectTls({ name: '' })).rejects.toThrow(
      /closed before TLS|ECONNRESET|ENOENT|ECONNREFUSED|EPIPE|socket|SSL|alert|version/i,
    );
  });

  test('the gate has no service behind it, whatever is decided', async () => {
    const wire = new Wire(await home.connectTls({ name: GATE }));
    wire.send(`GET / HTTP/1.1\r\nHost: ${GATE}\r\nCookie: ${SIGNED_IN_COOKIE}\r\n\r\n`);
    expect((await wire.answer()).status).toBe(403);
    wire.send(`GET / HTTP/1.1\r\nHost: ${GATE}\r\n\r\n`);
    expect((await wire.answer()).body).toBe('sign in');
    expect(service.seen).toEqual([]);
  });
});

describe('decisions deny by default', () => {
  test('an open principal passes only where the configuration says so by hand', async () => {
    const open = new Wire(await home.connectTls({ name: OPEN }));
    open.send(`GET / HTTP/1.1\r\nHost: ${OPEN}\r\n\r\n`);
    expect((await open.answer()).status).toBe(200);
    const login = new Wire(await home.connectTls({ name: 'open.login.localhost' }));
    login.send('GET / HTTP/1.1\r\nHost: open.login.localhost\r\n\r\n');
    expect((await login.answer()).status).toBe(403);
    expect(service.seen).toHaveLength(1);
  });

  test.each([
    [{ kind: 'deny', status: 401 } as const, 401],
    [{ kind: 'deny', status: 404 } as const, 404],
    [{ kind: 'limited', retryAfterSeconds: 7 } as const, 429],
    [{ kind: 'something new' } as never, 403],
  ])('%o is answered with %i and nothing that names product or service', async (decision, status) => {
    home.gatekeeper.forStrangers = decision;
    const looks = [
      ['', /^[A-Z][a-z ]+\.\n$/],
      ['Accept: text/html\r\n', /<html lang="en">[^]*<h1>/],
      ['Accept: text/html\r\nAccept-Language: zh-CN\r\n', /<html lang="zh-Hans">[^]*<h1>/],
    ] as const;
    for (const [fields, look] of looks) {
      const wire = new Wire(await home.connectTls());
      wire.send(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n${fields}\r\n`);
      const answer = await wire.answer();
      expect(answer.status).toBe(status);
      expect(answer.body).toMatch(look);
      expect(`${answer.head}${answer.body}`).not.toMatch(/postern|chat|node|server:|x-powered-by|via:/i);
      expect(/^retry-after: 7$/im.test(answer.head)).toBe(status === 429);
      expect(/^www-authenticate: Bearer$/im.test(answer.head)).toBe(status === 401);
    }
    expect(service.seen).toEqual([]);
  });

  test('a denied path is refused to those who may in, and looks like any other to strangers', async () => {
    const wire = await ask([], 'GET /denied?x');
    expect((await wire.answer()).status).toBe(403);
    wire.send(`GET /denied HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
    expect((await wire.answer()).body).toBe('sign in');
    expect(service.seen).toEqual([]);
  });
});

describe('doors', () => {
  test('a PROXY header in front of HTTP on the door without TLS is no request', async () => {
    const door = await home.edge.openDoor('link-http', { path: join(home.folder, 'plain.sock') });
    const path = join(home.folder, 'plain.sock');
    const odd = new Wire(home.connectRaw(path));
    odd.send(`${PROXY_LINE}${signedInRequest('GET /')}`);
    expect((await odd.answer()).status).toBe(400);
    expect(service.seen).toEqual([]);
    await door.close();
  });

  test('a name whose TLS ends at home, and the gate, are not to be had as plain HTTP; nor the other way round', async () => {
    const path = join(home.folder, 'names.sock');
    const door = await home.edge.openDoor('link-http', { path });
    const statusOf = async (socket: Duplex, name: string): Promise<number> => {
      const wire = new Wire(socket);
      wire.send(`GET / HTTP/1.1\r\nHost: ${name}\r\nCookie: ${SIGNED_IN_COOKIE}\r\n\r\n`);
      return (await wire.answer()).status;
    };
    expect(await statusOf(home.connectRaw(path), AT_HOME)).toBe(421);
    expect(await statusOf(home.connectRaw(path), GATE)).toBe(421);
    expect(service.seen).toEqual([]);
    expect(await statusOf(home.connectRaw(path), AT_RELAY)).toBe(200);
    expect(await statusOf(await home.connectTls({ name: AT_HOME }), AT_HOME)).toBe(200);
    expect(await statusOf(await home.connectTls({ name: AT_RELAY }), AT_RELAY)).toBe(421);
    await door.close();
  });

  test('behind the relay its one X-Forwarded-For is the address; a list of them is nobody’s', async () => {
    const path = join(home.folder, 'http.sock');
    const door = await home.edge.openDoor('link-http', { path });
    for (const [field, address] of [
      ['X-Forwarded-For: 198.51.100.9', '198.51.100.9'],
      ['X-Forwarded-For: 127.0.0.1', '192.0.2.1'],
      ['X-Forwarded-For: 127.0.0.1, 198.51.100.9', '192.0.2.1'],
      ['X-A: none', '192.0.2.1'],
    ] as const) {
      const wire = new Wire(home.connectRaw(path));
      wire.send(signedInRequest('GET /', [field]));
      expect((await wire.answer()).status).toBe(200);
      expect(service.last.fields.get('x-forwarded-for')).toEqual([address]);
    }
    await door.passed;
    await door.close();
  });

  test.each([
    ['no PROXY header', ''],
    ['a header of HTTP', 'GET / HTTP/1.1\r\n\r\n'],
    ['a header with a bare LF', 'PROXY TCP4 203.0.113.7 198.51.100.1 1 2\n'],
    ['an address of the wrong family', 'PROXY TCP4 2001:db8::1 198.51.100.1 1 2\r\n'],
    ['an endless line', `PROXY TCP4 ${'1'.repeat(200)}`],
  ])('%s on the door of the link gets no TLS', async (_name, proxyLine) => {
    await expect(home.connectTls({ proxyLine: proxyLine || ' ' })).rejects.toThrow(
      /closed before TLS|ECONNRESET|ENOENT|ECONNREFUSED|EPIPE|socket|SSL|alert|version/i,
    );
  });

  test.each([
    ['PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n', '192.0.2.1', 'unknown'],
    ['PROXY TCP4 10.1.2.3 127.0.0.1 1 2\r\n', '192.0.2.1', 'unknown'],
    ['PROXY TCP6 ::1 ::1 1 2\r\n', '192.0.2.1', 'unknown'],
    ['PROXY UNKNOWN\r\n', '192.0.2.1', 'unknown'],
    ['PROXY TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n', '203.0.113.9', '203.0.113.9'],
    ['PROXY TCP6 2001:db8:1:2:3::4 ::1 1 2\r\n', '2001:db8:1:2:3::4', '2001:db8:1:2::/64'],
  ])('%s is %s to the service', async (proxyLine, address, bucket) => {
    const wire = new Wire(await home.connectTls({ proxyLine }));
    wire.send(signedInRequest('GET /'));
    await wire.answer();
    expect(service.last.fields.get('x-forwarded-for')).toEqual([address]);
    expect(home.gatekeeper.asked.at(-1)?.client.bucket).toBe(bucket);
  });

  test('a PROXY header and a ClientHello cut at every byte arrive all the same', async () => {
    for (let cut = 1; cut < PROXY_LINE.length; cut++) {
      const raw = home.connectRaw();
      raw.write(PROXY_LINE.slice(0, cut), 'latin1');
      await new Promise((resolve) => setImmediate(resolve));
      const wire = new Wire(await home.secureOver(raw, PROXY_LINE.slice(cut)));
      wire.send(signedInRequest('GET /'));
      expect((await wire.answer()).status).toBe(200);
      wire.socket.destroy();
    }
    expect(service.last.fields.get('x-forwarded-for')).toEqual([VISITOR]);
  });

  test('a new certificate is used for the next connection, the old connection stays', async () => {
    const before = await home.connectTls();
    const old = before.getPeerCertificate().fingerprint256;
    await home.certificates.make(NAME);
    const after = await home.connectTls();
    expect(after.getPeerCertificate().fingerprint256).not.toBe(old);
    const wire = new Wire(before);
    wire.send(signedInRequest('GET /'));
    expect((await wire.answer()).status).toBe(200);
  });

  test.each(['TLSv1.3', 'TLSv1.2'] as const)(
    'a session is resumed (%s), under its own name only',
    async (version) => {
      const first = await home.connectTls({ version });
      const session = new Promise<Buffer>((resolve) => first.once('session', resolve));
      const wire = new Wire(first);
      wire.send(signedInRequest('GET /'));
      await wire.answer();
      const ticket = version === 'TLSv1.3' ? await session : (first.getSession() as Buffer);
      const second = await home.connectTls({ session: ticket, version });
      expect(second.isSessionReused()).toBe(true);
      const other = await home.connectTls({ session: ticket, version, name: OPEN });
      expect(other.isSessionReused()).toBe(false);
    },
  );

  test('TLS 1.1 is refused', async () => {
    await expect(home.connectTls({ version: 'TLSv1.1' })).rejects.toThrow(
      /closed before TLS|ECONNRESET|ENOENT|ECONNREFUSED|EPIPE|socket|SSL|alert|version/i,
    );
  });
});

describe('the canary', () => {
  test('proves the home to who knows it; a stranger gets there what he gets everywhere', async () => {
    const canary = home.edge.makeCanary();
    const wire = new Wire(await home.connectTls());
    wire.send(`GET ${canary.path} HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
    expect(await wire.answer()).toMatchObject({ status: 200, body: canary.expectedBody });
    wire.send(`GET ${canary.path.slice(0, -1)}A HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
    const near = await wire.answer();
    wire.send(`GET /anything HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
    const other = await wire.answer();
    expect(near.body).toBe('sign in');
    expect(near.head.replace(/^date: .*$/im, '')).toBe(other.head.replace(/^date: .*$/im, ''));
    expect(canary.path).not.toMatch(/postern/i);
  });

  test('a WebSocket opened as a stranger is stamped as one, gives the first message, and is closed again', async () => {
    service.onRequest = ({ fields }) => {
      const key = fields.get('sec-websocket-key')?.[0] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      return (
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\n\x81\x05hello`
      );
    };
    expect(await home.edge.openAsStranger(NAME, '/', 2000)).toEqual({ status: 101, firstMessage: 'hello' });
    expect(Object.fromEntries(service.last.fields)).toMatchObject({
      host: [NAME],
      connection: ['Upgrade'],
      upgrade: ['websocket'],
      'x-forwarded-for': ['192.0.2.1'],
      'x-forwarded-proto': ['https'],
      'x-forwarded-host': [NAME],
    });
    await waitFor('it is closed', 2000, () => service.sockets.at(-1)?.destroyed);
    service.onRequest = () => 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n';
    expect(await home.edge.openAsStranger(NAME, '/', 2000)).toEqual({ status: 404, firstMessage: undefined });
    service.onRequest = () =>
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello';
    expect(await home.edge.openAsStranger(NAME, '/', 2000)).toEqual({ status: 101, firstMessage: undefined });
    service.onRequest = () => '';
    await expect(home.edge.openAsStranger(NAME, '/', 200)).rejects.toMatchObject({
      code: 'EDGE_SERVICE_DOWN',
    });
  });

  test('asking as a stranger stamps as a stranger’s request is stamped, without credentials', async () => {
    service.onRequest = () => 'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"ready":true}';
    expect(await home.edge.askAsStranger(NAME, '/readyz', 2000)).toEqual({
      status: 200,
      body: '{"ready":true}',
    });
    expect(Object.fromEntries(service.last.fields)).toEqual({
      host: [NAME],
      accept: ['*/*'],
      'x-forwarded-for': ['192.0.2.1'],
      'x-forwarded-proto': ['https'],
      'x-forwarded-host': [NAME],
    });
  });
});
