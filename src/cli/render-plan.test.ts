import { expect, test } from 'vitest';
import type { Plan } from '../provision/contract.ts';
import { paintFor } from './paint.ts';
import { renderLeft, renderPlan } from './render-plan.ts';

const paint = paintFor({}, { NO_COLOR: '1' });

const plan: Plan = {
  version: 1,
  home: 'mac',
  relay: '203.0.113.5:22',
  changes: [
    {
      resource: 'sshd',
      place: 'relay',
      action: 'create',
      what: "sshd's settings for postern-mac",
      why: 'sockets in its folder, and nothing else',
      lines: ['+ /etc/ssh/sshd_config.d/00-postern-mac.conf root:root 644', `+ ${'x'.repeat(200)}`],
      isRisky: true,
      before: 'a',
      after: 'b',
    },
  ],
  blocked: [
    {
      resource: 'nginx-stream',
      what: 'nginx on port 443: names to sockets',
      obstacles: [
        {
          sentence: `Port 443 of the relay belongs to another program: caddy \u001b[2J ${'word '.repeat(30)}`,
          lines: ["On the relay: ss -ltnp 'sport = :443' \u001b[31m"],
          canAdopt: false,
        },
      ],
    },
  ],
  used: [{ resource: 'packages', what: 'packages: nginx, libnginx-mod-stream' }],
  unchanged: ['account'],
  notes: ['About 384 visitors at once for each worker of nginx.'],
};

test('a plan says what, why, what is blocked and what to do; no line is wider than 80, no terminal obeys it', () => {
  const text = renderPlan(plan, paint);
  for (const part of [
    'Plan for the relay 203.0.113.5:22 (home mac)',
    "+ create: sshd's settings for postern-mac  [sshd]",
    'sockets in its folder, and nothing else',
    'The relay takes it back by itself unless a new login proves',
    '! blocked: nginx on port 443: names to sockets  [nginx-stream]',
    "ss -ltnp 'sport = :443'",
    '= used, not owned: packages: nginx, libnginx-mod-stream',
    'Note: About 384 visitors',
    '1 change, 1 blocked, 1 as wanted already.',
  ]) {
    expect(text).toContain(part);
  }
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(text).not.toContain('\u001b');
});

test('what is left behind is named with its reason', () => {
  expect(renderLeft([{ resource: 'packages', what: 'packages: nginx', reason: 'stays' }])).toEqual([
    'packages: nginx: stays (--packages takes it as well)',
  ]);
});
