import { expect, test } from 'vitest';
import type { DaemonStatus } from '../daemon/contract.ts';
import { RELAY_SEES } from '../daemon/relay-words.ts';
import { paintFor } from './paint.ts';
import { renderStatus } from './render-status.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const status: DaemonStatus = {
  version: '0.1.0',
  pid: 4242,
  state: 'running',
  startedAtMs: nowMs - 3_600_000 * 5,
  configPath: '/home/ann/.postern/postern.yaml',
  relay: '203.0.113.5:34567',
  connections: [
    { slot: 1, state: 'up', roundTripMs: 20.44, sinceMs: nowMs - 61_000, restarts: 0, lastError: undefined },
    {
      slot: 2,
      state: 'waiting',
      roundTripMs: undefined,
      sinceMs: nowMs - 4000,
      restarts: 3,
      lastError: { code: 'SSH_UNKNOWN', text: 'x', atMs: nowMs - 3000 },
    },
  ],
  services: [
    {
      name: 'chat.example.com',
      url: 'https://chat.example.com',
      target: 'http://127.0.0.1:18789',
      kind: 'openclaw',
      tls: 'home',
      access: 'login',
      relaySees: RELAY_SEES.home,
      isOpen: true,
      isReachable: true,
      whyNot: undefined,
      lastCanary: { atMs: nowMs - 12_000, isFine: true, tookMs: 41.2, reason: undefined },
    },
    {
      name: 'nas.example.com',
      url: 'https://nas.example.com',
      target: 'http://nas.lan:5000',
      kind: 'web',
      tls: 'relay',
      access: 'none',
      relaySees: RELAY_SEES.relay,
      isOpen: true,
      isReachable: false,
      whyNot: 'the service does not answer at http://nas.lan:5000 (ECONNREFUSED)',
      lastCanary: undefined,
    },
  ],
  alerts: [
    {
      code: 'EDGE_SERVICE_DOWN',
      subject: 'nas.example.com',
      title: 'The service behind nas.example.com does not answer at http://nas.lan:5000\u001b[2J',
      remedy: 'Start it, or correct `to:` in postern.yaml.',
      sinceMs: nowMs - 90_000,
    },
  ],
  counts: { connections: 0, requests: 0, webSockets: 0 },
};

const plain = paintFor({ isTTY: false }, {});

test('what a person reads', () => {
  expect(renderStatus(status, { paint: plain, width: 80, nowMs })).toMatchInlineSnapshot(`
    "postern 0.1.0, running for 5 h (process 4242)

    Relay 203.0.113.5:34567
      slot  state    round trip  since  restarts  last error
      1     up       20.4 ms     61 s   0         -
      2     waiting  -           4 s    3         SSH_UNKNOWN, 3 s ago
      last looked at from inside: never (postern verify --relay-root)

    https://chat.example.com -> http://127.0.0.1:18789 (openclaw, tls: home)
      reachable
      last canary: came back in 41.2 ms, 12 s ago
      The relay sees the name (SNI), addresses, times and sizes; it can block, delay
      and replay connections, claim any client address and answer on port 80. It
      cannot read, alter, sign in or approve a device.

    https://nas.example.com -> http://nas.lan:5000 (web, tls: relay)
      not reachable
        the service does not answer at http://nas.lan:5000 (ECONNREFUSED)
      auth: none - anybody may use it without signing in
      last canary: none yet
      A compromised relay can read and alter live traffic.

    Alerts
      EDGE_SERVICE_DOWN for 90 s
        The service behind nas.example.com does not answer at
        http://nas.lan:5000\\u{1b}[2J
        -> Start it, or correct \`to:\` in postern.yaml."
  `);
});

test('auth: none is red where there are colours', () => {
  const coloured = renderStatus(status, {
    paint: paintFor({ isTTY: true }, { TERM: 'xterm' }),
    width: 80,
    nowMs,
  });
  expect(coloured).toContain('\u001b[31mauth: none - anybody may use it without signing in\u001b[39m');
});

test('nothing is wider than the terminal, and no foreign escape sequence comes through', () => {
  const text = renderStatus(status, { paint: plain, width: 80, nowMs });
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(text).not.toContain('\u001b');
});
