import { createHash } from 'node:crypto';
import { connect as connectHttp2 } from 'node:http2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { requestHttp2 } from '../support/edge-http2.ts';
import { Wire } from '../support/edge-wire.ts';
import { PASSWORD, codeOn } from '../support/login.ts';
import { LoginHome } from '../support/login-home.ts';
import { FORM, PAGE, SIGN_IN, cookiesOf, makeOutsider, passwordForm, valuesOf } from '../support/outsider.ts';

/** What an outsider tries against the real login behind the real edge; each test is named after the attempt. */

const CHAT = 'chat.localhost';
const OTHER = 'other.localhost';
const OPEN = 'open.localhost';
const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

let home: LoginHome;

beforeAll(async () => {
  home = await LoginHome.start({
    services: [
      { name: CHAT, access: 'login', pairing: 'required' },
      { name: OTHER, access: 'login', pairing: 'required' },
      { name: OPEN, access: 'none', pairing: 'required' },
    ],
  });
});
beforeEach(() => home.service.reset());
afterEach(async () => {
  outsider.closeAll();
  // Only an approved request gives its place at this address back at once.
  for (const { code } of await home.keeper.admin.listRequests()) await home.approve(code);
});
afterAll(() => home?.stop());

const outsider = makeOutsider(() => home, CHAT);
const { host, origin, openTls, send, pair, postForm, signIn } = outsider;

describe('the path of the sign-in', () => {
  test.each([
    '/.postern',
    '/.postern/',
    '/.postern/sign-in/',
    '/.postern//sign-in',
    '/.postern/../',
    '/.postern/./sign-in',
    '/.postern/%2e%2e/',
    '/.postern/sign-in;x',
    '/.postern/sign-in%00',
    '/.POSTERN/sign-in',
    '/%2epostern/sign-in',
    '/.%70ostern/sign-in',
    '//.postern/sign-in',
    '/x/../.postern/sign-in',
    '/.postern\\sign-in',
    '/.postern%2fsign-in',
    '/.postern/ticket',
    '/.postern/ticket?t=',
    `/.postern/ticket?t=${'A'.repeat(43)}`,
  ])('a stranger at %s reaches no service', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'OPTIONS']) {
      const { status } = await send(`${method} ${path}`, [PAGE, `Origin: ${origin()}`]);
      expect([303, 400, 401, 403, 404]).toContain(status);
    }
    expect(home.service.seen).toEqual([]);
  });

  test('the service of a session cannot answer at the path of the sign-in, whatever method asks', async () => {
    const { session } = await signIn();
    home.service.reset();
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      for (const path of ['/.postern/x', '/.postern/sign-in/x', '/.postern']) {
        await send(`${method} ${path}`, [`Cookie: ${session}`, `Origin: ${origin()}`]);
      }
    }
    expect(home.service.seen).toEqual([]);
  });
});

describe('where the sign-in leads', () => {
  test.each([
    '//evil.example/',
    '///evil.example',
    '/\\evil.example',
    '/@evil.example',
    '/%0d%0aSet-Cookie:%20x=1',
    '/.postern/ticket?t=x',
    '/?next=https://evil.example',
  ])('open redirect: after %s it stays on the own origin, in one Location', async (path) => {
    const device = await pair();
    const led = await send(`GET ${path}`, [PAGE, `Cookie: ${device}`]);
    const visit = cookiesOf(led)[0] ?? '';
    const answer = await postForm(`${device}; ${visit}`, passwordForm());
    const locations = [...valuesOf(led, 'location'), ...valuesOf(answer, 'location')];
    for (const location of locations) {
      expect(location.startsWith(`${origin()}/`)).toBe(true);
      expect(new URL(location).origin).toBe(origin());
    }
    expect(valuesOf(answer, 'set-cookie').every((line) => line.startsWith('__Host-'))).toBe(true);
  });

  test('a parameter, a form field and a Referer name no other place', async () => {
    const device = await pair();
    const evil = 'https://evil.example/';
    const body = `${passwordForm()}&next=${evil}&redirect=${evil}&return=${evil}`;
    const answer = await send(
      `POST ${SIGN_IN}?next=${evil}&e=${evil}`,
      [PAGE, FORM, `Origin: ${origin()}`, `Referer: ${evil}`, `Cookie: ${device}`],
      body,
    );
    expect(answer.status).toBe(303);
    expect(answer.head + answer.body).not.toContain('evil.example');
  });

  test('a Host with another port, a dot or a user in it is no name of ours, and is echoed nowhere', async () => {
    for (const odd of [
      `${CHAT}:1`,
      `${CHAT}.`,
      `ann@${CHAT}`,
      `${CHAT}:`,
      `${CHAT}:${home.port}/x`,
      'evil.example',
    ]) {
      const wire = new Wire(await openTls());
      wire.send(`GET / HTTP/1.1\r\nHost: ${odd}\r\n${PAGE}\r\n\r\n`);
      const answer = await wire.answer();
      expect([400, 421]).toContain(answer.status);
      expect(answer.head + answer.body).not.toContain(odd);
    }
  });
});

describe('what a page echoes', () => {
  const MARKUP = `"><script>alert(1)</script>'<img src=x onerror=1>&{{7*7}}\${7*7}`;

  test('a user name, a user agent, a language, a path and a code with markup in them come back as text or not at all', async () => {
    const device = await pair();
    const wrong = await postForm(device, passwordForm(MARKUP, 'wrong'));
    const page = await send(`GET ${SIGN_IN}?e=${encodeURIComponent(MARKUP)}`, [
      PAGE,
      `User-Agent: ${MARKUP}`,
      `Accept-Language: ${MARKUP}`,
      `Referer: ${MARKUP}`,
    ]);
    for (const { head, body } of [wrong, page]) {
      expect(body).not.toMatch(/<script|<img|onerror=1>/i);
      expect(head).not.toContain('alert(1)');
    }
    expect(wrong.body).toContain('&quot;&gt;&lt;script&gt;');
    const [request] = await home.keeper.admin.listRequests();
    expect(JSON.stringify(request)).not.toContain('alert');
  });

  test('terminal escapes in a user agent never reach the operator', async () => {
    const page = await send(`GET ${SIGN_IN}`, [PAGE, 'User-Agent: \x9b31m Chrome/1 Linux\u00ad']);
    const request = await home.keeper.admin.findRequest({ code: codeOn(page.body) });
    expect(request.browser).toBe('Chrome on Linux');
  });

  test.each(['\r', '\n', '\0', '\x0b'])(
    'header injection: %j in a field or a target is refused',
    async (sign) => {
      for (const text of [
        `GET /a${sign}Set-Cookie:x HTTP/1.1\r\nHost: ${host()}\r\n\r\n`,
        `GET / HTTP/1.1\r\nHost: ${host()}\r\nAccept-Language: en${sign}X: y\r\n\r\n`,
      ]) {
        const wire = new Wire(await openTls());
        wire.send(text);
        const answer = await wire.answer();
        expect(answer.head).not.toMatch(/^(set-cookie: ?x|x: y)/im);
      }
      expect(home.service.seen).toEqual([]);
    },
  );
});

describe('cookies', () => {
  test('the session of one service is none at another, nor a device cookie a session, nor a visit a device', async () => {
    const { device, session } = await signIn();
    const value = session.slice('__Host-gs='.length);
    expect((await send('GET /', [PAGE, `Cookie: ${session}`], '', OTHER)).status).toBe(303);
    for (const forged of [device.replace('gd=', 'gs='), `__Host-gd=${value}`, `__Host-gv=${value}`]) {
      expect((await send('GET /', [PAGE, `Cookie: ${forged}`])).status).toBe(303);
    }
    expect((await postForm(`__Host-gd=${value}`, passwordForm(), OTHER)).body).not.toContain('__Host-gs');
    expect((await send('GET /', [PAGE, `Cookie: ${session}`])).status).toBe(200);
  });

  test('session fixation: a planted session, device or visit cookie is never taken over', async () => {
    const device = await pair();
    const planted = 'P'.repeat(43);
    const answer = await postForm(`${device}; __Host-gs=${planted}; __Host-gv=${planted}`, passwordForm());
    expect(cookiesOf(answer).join()).not.toContain(planted);
    expect((await send('GET /', [PAGE, `Cookie: __Host-gs=${planted}`])).status).toBe(303);
  });

  test('a service cannot set a cookie of the login, not even one without a name that reads as one', async () => {
    const { session } = await signIn();
    home.service.onRequest = () =>
      [
        'HTTP/1.1 200 OK',
        'Set-Cookie: __Host-gs=planted; Path=/; Secure',
        'Set-Cookie: =__Host-gs=planted; Path=/; Secure',
        'Set-Cookie:  = __HOST-GD=planted; Path=/; Secure',
        'Set-Cookie: __Host-gv',
        'Set-Cookie: "__Host-gs"=planted',
        'Set-Cookie: theirs==__x; Path=/',
        'Set-Cookie: =alone',
        'Content-Length: 0\r\n\r\n',
      ].join('\r\n');
    const answer = await send('GET /', [`Cookie: ${session}`]);
    expect(cookiesOf(answer)).toEqual(['theirs==__x', '=alone']);
  });
});

describe('tokens', () => {
  const ours = `Bearer pst_${'A'.repeat(43)}`;

  test('one that is sent to an open service does not reach it, over HTTP/1.1 and HTTP/2', async () => {
    expect((await send('GET /', [`Authorization: ${ours}`], '', OPEN)).status).toBe(200);
    const socket = await openTls(OPEN, ['h2']);
    const session = connectHttp2(origin(OPEN), { createConnection: () => socket });
    const answer = await requestHttp2(session, {
      ':path': '/',
      ':authority': host(OPEN),
      authorization: ours,
    });
    expect(answer.status).toBe(200);
    session.destroy();
    expect(home.service.seen).toHaveLength(2);
    for (const { head } of home.service.seen) expect(head).not.toContain('pst_');
  });

  test('a wrong one is refused though the session beside it is right, and a right one is for one host alone', async () => {
    const { session } = await signIn();
    expect((await send('GET /', [`Authorization: ${ours}`, `Cookie: ${session}`])).status).toBe(401);
    const [device] = await home.keeper.admin.listDevices();
    const made = await home.keeper.admin.makeToken({ id: device?.id ?? '' });
    const right = `Authorization: Bearer ${made.token}`;
    expect((await send('GET /', [right])).status).toBe(200);
    expect((await send('GET /', [right], '', OTHER)).status).toBe(401);
    for (const odd of [
      `Bearer ${made.token}=`,
      `Bearer ${made.token.toUpperCase()}`,
      `Bearer ${made.token} x`,
    ]) {
      expect((await send('GET /', [`Authorization: ${odd}`])).status).toBe(401);
    }
  });

  test('in a cookie, a query, a WebSocket protocol or a second Authorization it opens nothing', async () => {
    await signIn();
    const [device] = await home.keeper.admin.listDevices();
    const { token } = await home.keeper.admin.makeToken({ id: device?.id ?? '' });
    home.service.reset();
    for (const fields of [
      [`Cookie: __Host-gs=${token.slice(4)}`],
      [`Sec-WebSocket-Protocol: bearer, ${token}`],
      [`X-Authorization: Bearer ${token}`],
      ['Authorization: Basic eA==', `Authorization: Bearer ${token}`],
    ]) {
      expect([303, 400, 401]).toContain((await send(`GET /?access_token=${token}`, fields)).status);
    }
    expect(home.service.seen).toEqual([]);
  });
});

describe('WebSockets', () => {
  test('without Origin, with a foreign one, with two, or below the sign-in: no socket', async () => {
    const { session } = await signIn();
    home.service.reset();
    const own = `Origin: ${origin()}`;
    const attempts: [string, string[]][] = [
      ['GET /', []],
      ['GET /', ['Origin: null']],
      ['GET /', [`Origin: ${origin()}.evil.example`]],
      ['GET /', [`Origin: ${origin(OTHER)}`]],
      ['GET /', [`Origin: http://${host()}`]],
      ['GET /', [own, 'Origin: https://evil.example']],
      ['GET /.postern/sign-in', [own]],
    ];
    for (const [line, fields] of attempts) {
      const { status } = await send(line, [...UPGRADE, ...fields, `Cookie: ${session}`]);
      expect([400, 403, 404]).toContain(status);
    }
    expect(home.service.seen).toEqual([]);
  });

  test('over HTTP/2 a session needs the own Origin too', async () => {
    const { session } = await signIn();
    home.service.reset();
    const socket = await openTls(CHAT, ['h2']);
    const client = connectHttp2(origin(), { createConnection: () => socket });
    await new Promise((resolve) => client.once('remoteSettings', resolve));
    for (const from of [undefined, 'https://evil.example']) {
      const { status } = await requestHttp2(client, {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'https',
        ':path': '/',
        ':authority': host(),
        'sec-websocket-version': '13',
        cookie: session,
        ...(from === undefined ? {} : { origin: from }),
      });
      expect(status).toBe(403);
    }
    client.destroy();
    expect(home.service.seen).toEqual([]);
  });
});

describe('pairing', () => {
  test('an approval gives nothing to another browser, even one that knows the code and the check number', async () => {
    const page = await send(`GET ${SIGN_IN}`, [PAGE]);
    const code = codeOn(page.body);
    await home.approve(code);
    const hash = createHash('sha256').update(code).digest('base64url');
    for (const cookie of ['', `__Host-gv=${hash}`, `__Host-gd=${hash}`, `__Host-gv=${code}`]) {
      const other = await send(`GET ${SIGN_IN}?code=${code}`, [
        PAGE,
        ...(cookie ? [`Cookie: ${cookie}`] : []),
      ]);
      expect(cookiesOf(other).some((one) => one.startsWith('__Host-gd='))).toBe(false);
    }
  });

  test('parallel approvals of one code make one device', async () => {
    const before = (await home.keeper.admin.listDevices()).length;
    const code = codeOn((await send(`GET ${SIGN_IN}`, [PAGE])).body);
    const { comparison } = await home.keeper.admin.findRequest({ code });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => home.keeper.admin.approveRequest({ code, comparison })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await home.keeper.admin.listDevices()).toHaveLength(before + 1);
  });

  test('a device that is revoked between approval and collection collects nothing', async () => {
    const page = await send(`GET ${SIGN_IN}`, [PAGE]);
    const [visit = ''] = cookiesOf(page);
    const known = new Set((await home.keeper.admin.listDevices()).map(({ id }) => id));
    await home.approve(codeOn(page.body));
    const made = (await home.keeper.admin.listDevices()).find(({ id }) => !known.has(id));
    await home.keeper.admin.revokeDevice({ id: made?.id ?? '' });
    const answer = await send(`GET ${SIGN_IN}`, [PAGE, `Cookie: ${visit}`]);
    expect(cookiesOf(answer).some((cookie) => cookie.startsWith('__Host-gd='))).toBe(false);
    expect(answer.body).not.toContain('type="password"');
  });

  test('a device that is revoked while its password is being checked gets no session', async () => {
    const device = await pair();
    const posted = postForm(device, passwordForm());
    const [newest] = (await home.keeper.admin.listDevices()).toSorted(
      (a, b) => b.createdAtMs - a.createdAtMs,
    );
    await home.keeper.admin.revokeDevice({ id: newest?.id ?? '' });
    const session = cookiesOf(await posted).find((cookie) => cookie.startsWith('__Host-gs=')) ?? '';
    const answer = await send('GET /', [PAGE, ...(session ? [`Cookie: ${session}`] : [])]);
    expect(answer.status).toBe(303);
    expect(home.service.seen).toEqual([]);
  });

  test('images, frames and scripts of a foreign page cannot use up the codes of an address', async () => {
    for (const destination of ['image', 'iframe', 'empty', 'script', 'style', 'object', 'embed']) {
      const fields = [PAGE, 'Sec-Fetch-Site: cross-site', `Sec-Fetch-Dest: ${destination}`];
      const { status, body } = await send(`GET ${SIGN_IN}`, fields);
      expect(status).toBe(403);
      expect(codeOn(body)).toBe('');
    }
    expect(await home.keeper.admin.listRequests()).toEqual([]);
    const own = await send(`GET ${SIGN_IN}`, [
      PAGE,
      'Sec-Fetch-Site: cross-site',
      'Sec-Fetch-Dest: document',
    ]);
    expect(codeOn(own.body)).not.toBe('');
  });
});

describe('forms', () => {
  test.each([
    ['a length of 1 GiB', 'Content-Length: 1073741824', 'z'.repeat(9300)],
    ['a body of 9 KiB', 'Content-Length: 9216', 'user=ann&password='.padEnd(9216, 'x')],
    ['chunks without an end', 'Transfer-Encoding: chunked', `2400\r\n${'y'.repeat(9216)}\r\n`],
  ])('%s is refused before it is read, and the connection ends', async (_name, framing, body) => {
    const device = await pair();
    const wire = new Wire(await openTls());
    const fields = [`Host: ${host()}`, FORM, `Origin: ${origin()}`, `Cookie: ${device}`, framing];
    wire.send(`POST ${SIGN_IN} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`);
    expect((await wire.answer()).status).toBe(413);
    await wire.ended();
    expect(home.service.seen).toEqual([]);
  });

  test.each([
    ['twice the password', `user=ann&password=${PASSWORD}&password=x`, FORM],
    ['an array', `user[]=ann&password[]=${PASSWORD}`, FORM],
    ['JSON', JSON.stringify({ user: 'ann', password: PASSWORD }), 'Content-Type: application/json'],
    ['text, as a foreign form can send it', passwordForm(), 'Content-Type: text/plain'],
    ['no password', 'user=ann&password=', FORM],
  ])('%s signs nobody in', async (_name, body, type) => {
    const device = await pair();
    const fields = [type, `Origin: ${origin()}`, `Cookie: ${device}`];
    const answer = await send(`POST ${SIGN_IN}`, fields, body);
    expect(answer.status).toBe(400);
    expect(cookiesOf(answer)).toEqual([]);
  });

  test.each(['null', 'https://evil.example', `https://${OTHER}`, ''])(
    'login CSRF: a form from origin %j is refused with a right password',
    async (from) => {
      const device = await pair();
      const answer = await send(
        `POST ${SIGN_IN}`,
        [FORM, `Origin: ${from}`, `Cookie: ${device}`],
        passwordForm(),
      );
      expect(answer.status).toBe(403);
      expect(cookiesOf(answer)).toEqual([]);
    },
  );
});

test('HEAD on a refusal carries no body, over HTTP/1.1 and HTTP/2', async () => {
  const wire = new Wire(await openTls());
  wire.send(
    `HEAD / HTTP/1.1\r\nHost: evil.example\r\n${PAGE}\r\n\r\nGET / HTTP/1.1\r\nHost: ${host()}\r\n\r\n`,
  );
  expect((await wire.answer(true)).status).toBe(421);
  expect((await wire.answer()).status).toBe(401);
  const socket = await openTls(CHAT, ['h2']);
  const client = connectHttp2(origin(), { createConnection: () => socket });
  const answer = await requestHttp2(client, {
    ':method': 'HEAD',
    ':path': '/',
    ':authority': 'evil.example',
  });
  expect(answer).toMatchObject({ status: 421, body: '', resetCode: 0 });
  client.destroy();
});
