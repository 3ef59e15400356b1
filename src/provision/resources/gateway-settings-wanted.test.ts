import { expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { wantedGateways } from './gateway-settings-wanted.ts';

const wanted = (services: readonly object[], relay: object = {}): ReturnType<typeof wantedGateways> =>
  wantedGateways(configSchema.parse({ home: 'mac', relay: { host: '203.0.113.5', ...relay }, services }));

test.each([
  'http://127.0.0.1:18789',
  'http://127.1.2.3:18789',
  'http://localhost:18789',
  'http://[::1]:18789',
  'unix:/run/openclaw.sock',
])('a gateway at %s is on this machine', (to) => {
  expect(wanted([{ name: 'chat.example.com', to, kind: 'openclaw' }])).toEqual({
    here: { origins: ['https://chat.example.com'] },
    elsewhere: [],
  });
});

test.each(['http://192.168.1.9:18789', 'https://127.0.0.1.example.com'])(
  'a gateway at %s is not, and is told',
  (to) => {
    expect(wanted([{ name: 'chat.example.com', to, kind: 'openclaw' }])).toEqual({
      here: undefined,
      elsewhere: ['chat.example.com'],
    });
  },
);

test('the origin is what the address bar shows; other kinds want nothing', () => {
  const services = [
    { name: 'web.example.com', to: 'http://127.0.0.1:3000' },
    { name: 'chat.example.com', to: 'http://127.0.0.1:18789', kind: 'openclaw' },
  ];
  expect(wanted(services, { httpsPort: 8443 }).here).toEqual({ origins: ['https://chat.example.com:8443'] });
  expect(wanted(services.slice(0, 1)).here).toBeUndefined();
});
