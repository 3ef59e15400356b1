import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeDemoCertificate } from '../../src/demo/certificate.ts';
import type { Target } from '../../src/edge/contract.ts';
import { SIGNED_IN_COOKIE } from '../support/edge-gatekeeper.ts';
import { requestHttp2 } from '../support/edge-http2.ts';
import { NAME, TestEdge, VISITOR } from '../support/edge-home.ts';
import { Wire, signedInRequest } from '../support/edge-wire.ts';
import { makeTestFolder } from '../support/temporary-folder.ts';
import { waitFor } from '../support/wait-for.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${KEY}`,
];

const folder = makeTestFolder('postern-targets-');
const servers: Server[] = [];
const homes: TestEdge[] = [];
let connections = 0;

/** Says back what came; on an upgrade, every byte. */
function serve(server: Server): Server {
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { host } = request.headers;
      const from = request.headers['x-forwarded-for'];
      response.end(`${request.method} ${request.url} ${host} ${from} ${Buffer.concat(chunks).length}`);
    });
  });
  server.on('upgrade', (_request, socket: Socket) => {
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    );
    socket.on('data', (chunk) => socket.write(chunk));
  });
  server.on('connection', () => connections++);
  servers.push(server);
  return server;
}

const listen = (server: Server, where: string | number): Promise<void> =>
  new Promise((resolve) => server.listen(where as never, () => resolve()));

async function publish(target: Target): Promise<TestEdge> {
  const home = await TestEdge.start({ target });
  homes.push(home);
  return home;
}

const targets = new Map<string, Target>();

beforeAll(async () => {
  const path = join(folder, 'service.sock');
  await listen(serve(createHttp()), path);
  targets.set('unix:', { kind: 'unix', path });
  const { pair } = await makeDemoCertificate('service.localhost', Date.now());
  const secure = serve(createHttps(pair));
  await listen(secure, 0);
  const { port } = secure.address() as AddressInfo;
  targets.set('https:', { kind: 'tcp', host: '127.0.0.1', port, tls: true });
  const plain = serve(createHttp());
  await listen(plain, 0);
  const plainPort = (plain.address() as AddressInfo).port;
  targets.set('TLS where there is none', { kind: 'tcp', host: '127.0.0.1', port: plainPort, tls: true });
  targets.set('plain HTTP where TLS is wanted', { kind: 'tcp', host: '127.0.0.1', port, tls: false });
  targets.set('a socket that is not there', { kind: 'unix', path: join(folder, 'nothing.sock') });
  targets.set('https: by name', { kind: 'tcp', host: 'localhost', port, tls: true });
});
afterAll(async () => {
  for (const home of homes) await home.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

describe.each(['unix:', 'https:', 'https: by name'])('a service at %s', (kind) => {
  let home: TestEdge;
  beforeAll(async () => {
    home = await publish(targets.get(kind) as Target);
  });

  test('requests pass on one kept connection, with a body, over both protocols', async () => {
    connections = 0;
    const wire = new Wire(await home.connectTls());
    for (let count = 0; count < 3; count++) {
      wire.send(signedInRequest('GET /a?b'));
      expect(await wire.answer()).toMatchObject({ status: 200, body: `GET /a?b ${NAME} ${VISITOR} 0` });
    }
    expect(connections).toBe(1);
    const body = 'x'.repeat(300_000);
    wire.send(signedInRequest('POST /up', [`Content-Length: ${body.length}`], body));
    expect((await wire.answer()).body).toBe(`POST /up ${NAME} ${VISITOR} 300000`);
    const session = await home.connectHttp2();
    const answer = await requestHttp2(
      session,
      { ':method': 'POST', ':authority': NAME, ':path': '/up', cookie: SIGNED_IN_COOKIE },
      body,
    );
    expect(answer.body).toBe(`POST /up ${NAME} ${VISITOR} 300000`);
  });

  test('a WebSocket passes', async () => {
    const wire = new Wire(await home.connectTls());
    wire.send(signedInRequest('GET /ws', HANDSHAKE));
    expect((await wire.answer()).status).toBe(101);
    wire.send('ping');
    await waitFor('the echo', 2000, () => wire.text === 'ping');
  });

  test('Postern itself can ask it', async () => {
    const answer = await home.edge.askAsStranger(NAME, '/readyz', 2000);
    expect(answer).toEqual({ status: 200, body: `GET /readyz ${NAME} 192.0.2.1 0` });
  });
});

describe('a service that cannot be had is a 502', () => {
  test.each(['a socket that is not there', 'TLS where there is none', 'plain HTTP where TLS is wanted'])(
    '%s',
    async (name) => {
      const home = await publish(targets.get(name) as Target);
      const wire = new Wire(await home.connectTls());
      wire.send(signedInRequest('GET /'));
      expect((await wire.answer()).status).toBe(502);
      wire.send(signedInRequest('GET /ws', HANDSHAKE));
      expect((await wire.answer()).status).toBe(502);
    },
  );
});

test('another machine must show a certificate that the system trusts', async () => {
  const outer = Object.values(networkInterfaces())
    .flatMap((one) => one ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4');
  const secure = targets.get('https:') as Extract<Target, { kind: 'tcp' }>;
  // Without a second address, an address of the loopback that is written unlike one has to do.
  const home = await publish({ ...secure, host: outer?.address ?? '::ffff:127.0.0.1' });
  const wire = new Wire(await home.connectTls());
  wire.send(signedInRequest('GET /'));
  expect((await wire.answer()).status).toBe(502);
});
