import { expect, test } from 'vitest';
import { configSchema } from '../config/schema.ts';
import type { ConnectionStatus } from '../link/contract.ts';
import type { ServiceStatus } from './contract.ts';
import { type StatusSources, describeStatus } from './status.ts';

const NAME = 'chat.example.com';
const config = configSchema.parse({
  home: 'mac',
  relay: { host: 'vps.example.com' },
  services: [{ name: NAME, to: 'http://127.0.0.1:1' }],
});
const FINE: Omit<StatusSources, 'config'> = {
  version: '1',
  pid: 1,
  state: 'running',
  startedAtMs: 0,
  configPath: '/x/postern.yaml',
  connections: [{ slot: 1, state: 'up' } as ConnectionStatus],
  alerts: [],
  counts: { connections: 0, requests: 0, webSockets: 0 },
  guardOf: () => ({ open: true }),
  canaryOf: () => ({ atMs: 0, isFine: true, tookMs: 1, reason: undefined }),
  whyDown: () => undefined,
};
const serviceWith = (odd: Partial<StatusSources>): ServiceStatus | undefined =>
  describeStatus({ ...FINE, config, ...odd }).services[0];

const guardOf = () => ({ open: false, reason: 'takes strangers for its owner' }) as const;
const canaryOf = () => ({ atMs: 0, isFine: false, tookMs: undefined, reason: 'timed out' });
const whyDown = () => 'ECONNREFUSED';

test('the first reason that stops a visitor is told; why a service is shut comes before a failed canary', () => {
  expect(serviceWith({})).toMatchObject({ isReachable: true, whyNot: undefined });
  expect(serviceWith({ whyDown })?.whyNot).toContain('ECONNREFUSED');
  expect(serviceWith({ canaryOf, whyDown })?.whyNot).toContain('timed out');
  const shut = serviceWith({ guardOf, canaryOf, whyDown });
  expect(shut).toMatchObject({ isOpen: false, isReachable: false, whyNot: 'takes strangers for its owner' });
  expect(serviceWith({ connections: [], guardOf, canaryOf })?.whyNot).toContain('no connection');
});
