import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { surroundingsOf } from '../../src/cli/verify-surroundings.ts';
import { SecretReference } from '../../src/config/secrets.ts';
import { connectToDaemon } from '../../src/daemon/control/client.ts';
import { visit } from '../../src/platform/visit.ts';
import type { Surroundings, Verification } from '../../src/verify/contract.ts';
import { codesWith, verify } from '../../src/verify/run.ts';
import { GatewayStandIn } from '../support/gateway-stand-in.ts';
import { must } from '../support/namespace.ts';
import { type PublishOptions, type Published, publish } from '../support/published.ts';
import { waitFor } from '../support/wait-for.ts';

/** The doors of a gateway, of `auth: none`, and of a relay that ends TLS. */

const NAME = 'chat.example.test';
const TOKEN = '0123456789abcdef0123456789abcdef';

let published: Published | undefined;
afterEach(async () => {
  await published?.stop();
  published = undefined;
});

async function open(options: Omit<PublishOptions, 'name'>): Promise<Published> {
  published = await publish({ name: NAME, ...options });
  await published.becomes('open');
  return published;
}

async function look(token?: string, change: Partial<Surroundings> = {}): Promise<Verification> {
  if (!published) throw new Error('nothing is published');
  const { folder, config } = published;
  const gateway = {
    ...config.gateway,
    ...(token === undefined ? {} : { token: new SecretReference(token) }),
  };
  const surroundings = await surroundingsOf({
    config: { ...config, gateway },
    configPath: folder.configFile,
    folder,
    env: process.env,
    daemon: await connectToDaemon(folder),
    relayShell: undefined,
  });
  return verify({ surroundings: { ...surroundings, ...change } });
}

describe('a gateway', () => {
  const gateway = new GatewayStandIn(TOKEN);
  let to = '';
  beforeAll(async () => {
    to = await gateway.start();
  });
  afterAll(() => {
    gateway.server.close();
    gateway.server.closeAllConnections();
  });

  test('each of its doors is seen to be shut, and to be open, and no other with it', async () => {
    await open({ to, kind: 'openclaw' });
    const healthy = await look(TOKEN);
    expect(healthy.checks.filter(({ outcome }) => !['shut', 'not-asked'].includes(outcome))).toEqual([]);
    expect(healthy.layers.map(({ state }) => state)).toEqual(['on', 'on', 'on', 'on', 'on', 'not-looked-at']);
    expect(codesWith(await look('changeme'), 'open')).toEqual(['TOKEN_STRENGTH']);
    expect((await look()).layers[4]?.state).toBe('not-looked-at');
    gateway.wantsToken = false;
    expect(codesWith(await look(TOKEN), 'open')).toEqual(['GATEWAY_TOKEN']);
    gateway.wantsToken = true;
    gateway.trustsStrangers = true;
    const trusting = await look(TOKEN);
    expect(codesWith(trusting, 'open')).toEqual(['GUARD']);
    expect(trusting.layers[3]).toMatchObject({ layer: 'gateway pairing (loopback guard)', state: 'off' });
    // The look itself was the guard's: the service is shut now, not in ten minutes.
    expect(published?.daemon.status().services[0]?.isOpen).toBe(false);
  });
});

describe('a web service', () => {
  const server = createServer((_, response) => response.end('the secret page'));
  let to = '';
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    to = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  test('auth: none is one open door, and stays open as it was written', async () => {
    const { daemon } = await open({ to, auth: 'none' });
    const verification = await look();
    expect(codesWith(verification, 'open')).toEqual(['LOGIN']);
    expect(verification.layers[2]?.state).toBe('off');
    expect({ shut: verification.shutServices, isOpen: daemon.status().services[0]?.isOpen }).toEqual({
      shut: [],
      isOpen: true,
    });
  });

  test('tls: relay: TLS 1.1, a certificate that nobody vouches for, and what is off by choice', async () => {
    const { lab } = await open({ to, tls: 'relay' });
    // The lab's certificate is self-signed: what browsers would say of it is looked at apart.
    const trusting: Partial<Surroundings> = {
      visit: async (options) => {
        const answer = await visit(options);
        return answer.tls ? { ...answer, tls: { ...answer.tls, distrust: undefined } } : answer;
      },
    };
    const healthy = await look(undefined, trusting);
    expect(codesWith(healthy, 'open')).toEqual([]);
    expect(codesWith(healthy, 'unknown')).toEqual([]);
    expect(healthy.layers.map(({ state }) => state)).toEqual([
      'off',
      'on',
      'on',
      'not-applicable',
      'not-applicable',
      'off',
    ]);
    expect(codesWith(await look(), 'open')).toEqual(['CERTIFICATE_VALID']);
    await must(
      lab.run('relay', 'sh', [
        '-c',
        `sed -i 's/ssl_protocols .*/ssl_protocols TLSv1.1 TLSv1.2 TLSv1.3;/; s/ssl_ciphers .*/ssl_ciphers ALL:@SECLEVEL=0;/' /etc/nginx/conf.d/postern-*.conf; nginx -s reload`,
      ]),
    );
    const found = await waitFor('TLS 1.1 is found', 15_000, async () => {
      const verification = await look(undefined, trusting);
      return codesWith(verification, 'open').length > 0 ? verification : undefined;
    });
    expect(codesWith(found, 'open')).toEqual(['OLD_TLS']);
  });
});
