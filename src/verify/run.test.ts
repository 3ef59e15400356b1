import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { configSchema } from '../config/schema.ts';
import { Secret } from '../core/secret.ts';
import type { Visit, VisitAnswer } from '../platform/visit.ts';
import { type CheckCode, CHECK_LIST } from './catalogue.ts';
import type { Surroundings } from './contract.ts';
import { codesWith, verify } from './run.ts';

const NAME = 'chat.example.com';
const TOKEN = '0123456789abcdef0123456789abcdef';

const answer = (status: number, headers: Record<string, string> = {}, body = ''): VisitAnswer => ({
  kind: 'answer',
  status,
  headers,
  body,
  tookMs: 1,
});
const closed: VisitAnswer = { kind: 'closed', reason: 'ECONNRESET', tookMs: 1 };
const REFUSAL = { 'cache-control': 'no-store', 'x-robots-tag': 'noindex, nofollow' };
const unauthorized = answer(401, { ...REFUSAL, 'www-authenticate': 'Bearer' });

/** A certificate as far as the looks read it. */
function certificate(clock: FakeClock, fingerprint256 = 'AA:BB', days = 60): unknown {
  const day = 24 * 3_600_000;
  return {
    fingerprint256,
    validFromDate: new Date(clock.nowMs() - 30 * day),
    validToDate: new Date(clock.nowMs() + days * day),
    checkHost: (name: string) => name,
  };
}

type Answering = (visit: Visit) => VisitAnswer | undefined;

/** A set-up in which every door is shut, but for what `hole` and `change` do to it. */
function makeWorld(hole: Answering = () => undefined, change: Partial<Surroundings> = {}): Surroundings {
  const clock = new FakeClock();
  const config = configSchema.parse({
    home: 'x',
    relay: { host: '203.0.113.5' },
    services: [{ name: NAME, to: 'http://127.0.0.1:18789', kind: 'openclaw' }],
  });
  const tls = { version: 'TLSv1.3', certificate: certificate(clock) as never, distrust: undefined };
  const visit = (options: Visit): VisitAnswer => {
    if (options.host === '127.0.0.1') return unauthorized;
    if (!options.tls) return options.port === 80 ? answer(301, { location: `https://${NAME}/` }) : closed;
    if (options.tls.onlyVersion !== undefined || options.tls.serverName !== NAME) return closed;
    if (options.authority !== NAME) return { ...answer(421, REFUSAL), tls };
    if (options.path === '/.well-known/ask') return { ...answer(200, {}, 'told'), tls };
    return { ...unauthorized, tls };
  };
  return {
    config,
    clock,
    visit: (options) => Promise.resolve(hole(options) ?? visit(options)),
    front: { host: '203.0.113.5', port: 443, plainPort: 80 },
    makeCanary: () => ({ path: '/.well-known/ask', expectedBody: 'told' }),
    certificateOf: () => Promise.resolve('AA:BB'),
    targetOf: () => ({ host: '127.0.0.1', port: 18789, tls: false }),
    ownAddresses: () => ['192.0.2.7'],
    whyUnreachable: () => Promise.resolve('ECONNREFUSED'),
    ownFiles: [{ path: '/k', what: 'key', mayBeRead: false }],
    modeOf: () => Promise.resolve({ mode: 0o600, isOurs: true }),
    askGuard: () => Promise.resolve({ kind: 'open' }),
    gatewayToken: () => Promise.resolve(new Secret(TOKEN)),
    link: { up: 2, total: 2, ciphers: 'aes128-gcm', hostKey: 'SHA256:x' },
    relayShell: (text) =>
      Promise.resolve({
        status: 0,
        stdout: text.includes('stat -c') ? '2710 postern-x www-data /var/lib/postern/x\n' : '',
      }),
    shutService: undefined,
    relayRootAtMs: undefined,
    ...change,
  };
}

test('a healthy set-up has every door shut and every layer on', async () => {
  const verification = await verify({ surroundings: makeWorld() });
  expect(verification.checks.map(({ code, outcome }) => `${code} ${outcome}`)).toEqual(
    CHECK_LIST.map(({ code }) => `${code} shut`),
  );
  expect(verification.layers.map(({ state }) => state)).toEqual(Array(6).fill('on'));
});

const isAsking = ({ tls, authority }: Visit): boolean => tls?.serverName === NAME && authority === NAME;
const shell = (stdout: string, part: string): Partial<Surroundings> => ({
  relayShell: (text) =>
    Promise.resolve({
      status: 0,
      stdout: text.includes(part)
        ? stdout
        : text.includes('stat -c')
          ? '2710 postern-x www-data /var/lib/postern/x'
          : '',
    }),
});

/** The fault, the one check that has to see it, and what the world is like then. */
const FAULTS: readonly (readonly [string, CheckCode, (Answering | undefined)?, Partial<Surroundings>?])[] = [
  ['another certificate', 'CERTIFICATE_OURS', undefined, { certificateOf: () => Promise.resolve('CC') }],
  [
    'somebody else answers',
    'CANARY',
    ({ path }) => (path === '/.well-known/ask' ? answer(200, {}, 'hello') : undefined),
  ],
  [
    'the service answers strangers',
    'LOGIN',
    (v) =>
      isAsking(v) && v.path === '/' && v.method === 'GET' && v.tls?.onlyVersion === undefined
        ? { ...answer(200), tls: shownBy() }
        : undefined,
  ],
  [
    'a 401 of the service itself',
    'LOGIN',
    (v) =>
      isAsking(v) && v.path === '/' && v.tls?.onlyVersion === undefined
        ? { ...answer(401, { 'www-authenticate': 'Bearer' }), tls: shownBy() }
        : undefined,
  ],
  ['over HTTP/2 alone', 'LOGIN', (v) => (isAsking(v) && v.tls?.protocol === 'h2' ? answer(404) : undefined)],
  [
    'a forged address is believed',
    'FORGED_ADDRESS',
    (v) => (v.headers?.['X-Forwarded-For'] === '127.0.0.1' ? answer(200) : undefined),
  ],
  [
    'a handshake of another page',
    'FOREIGN_WEBSOCKET',
    (v) => (v.headers?.['upgrade'] ? answer(101) : undefined),
  ],
  [
    'one spelling of a powerful path',
    'DENIED_PATHS',
    (v) => (v.host !== '127.0.0.1' && v.path === '/%74ools/invoke' ? answer(404) : undefined),
  ],
  [
    'another host on our connection',
    'WRONG_HOST',
    (v) => (v.tls?.serverName === NAME && v.authority !== NAME ? answer(200) : undefined),
  ],
  [
    'TLS 1.1',
    'OLD_TLS',
    (v) =>
      v.tls?.onlyVersion === 'TLSv1.1'
        ? { ...answer(401), tls: { version: 'TLSv1.1', certificate: undefined, distrust: undefined } }
        : undefined,
  ],
  ['content over plain HTTP', 'PLAIN_HTTP', (v) => (!v.tls && v.port === 80 ? answer(200) : undefined)],
  [
    'plain HTTP leads elsewhere',
    'PLAIN_HTTP',
    (v) => (!v.tls && v.port === 80 ? answer(301, { location: 'https://evil.example/' }) : undefined),
  ],
  [
    'plain HTTP stays plain',
    'PLAIN_HTTP',
    (v) => (!v.tls && v.port === 80 ? answer(301, { location: `http://${NAME}/x` }) : undefined),
  ],
  [
    'the bare address',
    'OTHER_NAMES',
    (v) => (v.tls && v.tls.serverName === undefined && v.host !== '127.0.0.1' ? answer(200) : undefined),
  ],
  [
    'a port in the network',
    'SERVICE_EXPOSED',
    undefined,
    { whyUnreachable: ({ port }) => Promise.resolve(port === 18791 ? undefined : 'ECONNREFUSED') },
  ],
  [
    'strangers are the owner',
    'GUARD',
    undefined,
    {
      askGuard: () =>
        Promise.resolve({ kind: 'shut', code: 'GATEWAY_TRUSTS_STRANGERS', reason: 'it trusts', remedy: '' }),
    },
  ],
  ['a gateway without a token', 'GATEWAY_TOKEN', (v) => (v.host === '127.0.0.1' ? answer(404) : undefined)],
  [
    'a short token',
    'TOKEN_STRENGTH',
    undefined,
    { gatewayToken: () => Promise.resolve(new Secret('short')) },
  ],
  [
    'a placeholder',
    'TOKEN_STRENGTH',
    undefined,
    { gatewayToken: () => Promise.resolve(new Secret(`change-me-${'x1y2'.repeat(9)}`)) },
  ],
  [
    'a pattern',
    'TOKEN_STRENGTH',
    undefined,
    { gatewayToken: () => Promise.resolve(new Secret('ab'.repeat(20))) },
  ],
  [
    'a readable key',
    'OWN_FILES',
    undefined,
    { modeOf: () => Promise.resolve({ mode: 0o640, isOurs: true }) },
  ],
  [
    'a key of somebody else',
    'OWN_FILES',
    undefined,
    { modeOf: () => Promise.resolve({ mode: 0o600, isOurs: false }) },
  ],
  ['an old tunnel', 'RELAY_PORTS', undefined, shell('127.0.0.1:18789 sshd root\n', 'ss -Hltnp')],
  ['a port of the account', 'RELAY_PORTS', undefined, shell('[::]:4000 python3 postern-x\n', 'ss -Hltnp')],
  [
    'a folder for everybody',
    'RELAY_SOCKETS',
    undefined,
    shell('2711 postern-x www-data /var/lib/postern/x\n', 'stat -c'),
  ],
  [
    'a socket of somebody else',
    'RELAY_SOCKETS',
    undefined,
    shell(
      '2710 postern-x www-data /var/lib/postern/x\n660 eve www-data /var/lib/postern/x/1.sock\n',
      'stat -c',
    ),
  ],
  ['a folder that is not there', 'RELAY_SOCKETS', undefined, shell('', 'stat -c')],
  ['a key on the relay', 'RELAY_FILES', undefined, shell('key /var/lib/postern/x/k\n', 'PRIVATE KEY')],
  ['a log', 'RELAY_FILES', undefined, shell('log /var/log/nginx/access.log\n', 'PRIVATE KEY')],
];

function shownBy(): NonNullable<VisitAnswer['tls']> {
  return { version: 'TLSv1.3', certificate: certificate(new FakeClock()) as never, distrust: undefined };
}

test.for(FAULTS)('one fault, one finding: %s', async ([, code, hole, change]) => {
  const verification = await verify({ surroundings: makeWorld(hole, change) });
  expect(codesWith(verification, 'open')).toEqual([code]);
  expect(codesWith(verification, 'unknown')).toEqual([]);
});

test('every check of the catalogue has a fault that opens it', () => {
  const covered = new Set<CheckCode>([...FAULTS.map(([, code]) => code), 'CERTIFICATE_VALID']);
  expect(CHECK_LIST.map(({ code }) => code).filter((code) => !covered.has(code))).toEqual([]);
});

test.each([
  ['ended', -1, true],
  ['in 3 of 90 days', 3, true],
  ['in 20 days', 20, false],
])('a certificate that ends %s', async (_, days, isOpen) => {
  const clock = new FakeClock();
  const tls = {
    version: 'TLSv1.3',
    certificate: certificate(clock, 'AA:BB', days) as never,
    distrust: undefined,
  };
  const world = makeWorld(
    (v) =>
      isAsking(v) && v.path === '/' && v.tls?.onlyVersion === undefined
        ? { ...unauthorized, tls }
        : undefined,
    { clock },
  );
  expect(codesWith(await verify({ surroundings: world }), 'open')).toEqual(
    isOpen ? ['CERTIFICATE_VALID'] : [],
  );
});

test('a prerequisite stands before what needs it, so that no check waits for one that never starts', () => {
  CHECK_LIST.forEach(({ needs }, index) => {
    for (const need of needs)
      expect(CHECK_LIST.findIndex(({ code }) => code === need)).toBeLessThan(index + 1);
    for (const need of needs) expect(CHECK_LIST.some(({ code }) => code === need)).toBe(true);
  });
});

test('nobody home: nothing public is called shut, and a look that throws is no answer', async () => {
  const unreachable: VisitAnswer = { kind: 'unreachable', reason: 'ECONNREFUSED', tookMs: 1 };
  const world = makeWorld(() => unreachable, {
    askGuard: () => Promise.reject(new Error('\u001b[31mbroken')),
    relayShell: undefined,
  });
  const verification = await verify({ surroundings: world });
  expect(codesWith(verification, 'shut')).toEqual(['SERVICE_EXPOSED', 'TOKEN_STRENGTH', 'OWN_FILES']);
  expect(codesWith(verification, 'unknown')).toEqual(['CERTIFICATE_OURS', 'GUARD', 'GATEWAY_TOKEN']);
  expect(verification.layers.map(({ state }) => state)).not.toContain('off');
  expect(JSON.stringify(verification)).not.toContain('\\u001b');
});

test('two services: what stands before one door of one of them bars neither the other nor what belongs to both', async () => {
  const other = 'nas.example.com';
  const config = configSchema.parse({
    home: 'x',
    relay: { host: '203.0.113.5' },
    services: [NAME, other].map((name) => ({ name, to: 'http://127.0.0.1:18789' })),
  });
  // The world answers as NAME alone; nobody is there under the other name.
  const verification = await verify({ surroundings: makeWorld(undefined, { config }) });
  const outcomeOf = (code: CheckCode, subject: string): string | undefined =>
    verification.checks.find((check) => check.code === code && check.subject === subject)?.outcome;
  expect([outcomeOf('LOGIN', NAME), outcomeOf('LOGIN', other), outcomeOf('OTHER_NAMES', '')]).toEqual([
    'shut',
    'skipped',
    'shut',
  ]);
  expect(verification.layers).toHaveLength(12);
  const one = await verify({ surroundings: makeWorld(undefined, { config }), names: [NAME] });
  expect(one.checks.filter(({ subject }) => subject === other)).toEqual([]);
});

test.each([502, 503, 504])(
  '%i from a part that is down shuts no door and calls none shut',
  async (status) => {
    const shut: string[] = [];
    const world = makeWorld(
      (v) =>
        isAsking(v) && v.path === '/' && !v.tls?.onlyVersion
          ? { ...answer(status), tls: shownBy() }
          : undefined,
      {
        shutService: (name) => Promise.resolve(shut.push(name) > 0),
      },
    );
    const verification = await verify({ surroundings: world });
    expect(codesWith(verification, 'open')).toEqual([]);
    expect(codesWith(verification, 'unknown')).toEqual(['LOGIN']);
    expect(shut).toEqual([]);
  },
);

test('neither token nor canary nor what a stranger answered is told', async () => {
  const world = makeWorld((v) =>
    v.path === '/' && isAsking(v)
      ? { ...answer(200, { server: '\u001b]0;x\u0007' }, 'the secret page'), tls: shownBy() }
      : undefined,
  );
  const told = JSON.stringify(await verify({ surroundings: world }));
  for (const word of [TOKEN, '/.well-known/ask', 'told"', 'the secret page', '\\u001b', 'made-up-by']) {
    expect(told).not.toContain(word);
  }
});

test('a login that does not hold shuts its service; auth: none is told and stays', async () => {
  const shut: string[] = [];
  const shutService = (name: string): Promise<boolean> => Promise.resolve(shut.push(name) > 0);
  const open: Answering = (v) =>
    isAsking(v) && v.path === '/' && !v.tls?.onlyVersion ? { ...answer(200), tls: shownBy() } : undefined;
  const world = makeWorld(open, { shutService });
  expect((await verify({ surroundings: world })).shutServices).toEqual([NAME]);
  expect(shut).toEqual([NAME]);
  const config = configSchema.parse({
    home: 'x',
    relay: { host: '203.0.113.5' },
    services: [{ name: NAME, to: 'http://127.0.0.1:18789', auth: 'none' }],
  });
  const byHand = await verify({ surroundings: makeWorld(open, { shutService, config }) });
  expect(codesWith(byHand, 'open')).toEqual(['LOGIN']);
  expect({ shut, told: byHand.shutServices }).toEqual({ shut: [NAME], told: [] });
});
