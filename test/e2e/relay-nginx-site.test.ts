import { type IncomingMessage, type Server, createServer } from 'node:http';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import type { RunResult } from '../../src/platform/processes.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { openSession } from '../support/relay-session.ts';
import { waitFor } from '../support/wait-for.ts';

/** nginx on the relay with `tls: relay`: it ends TLS and hands on clean HTTP/1.1. A `tls: home` name shares its port. */
const NAME = 'dev.example.test';
let lab: Lab;
let service: Server;
let sockets: WebSocketServer;
const seen: IncomingMessage[] = [];
let abort = (): void => {};

beforeAll(async () => {
  service = createServer(answer);
  sockets = new WebSocketServer({ server: service });
  sockets.on('connection', (socket, request) => {
    seen.push(request);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  service.listen(0, '127.0.0.1');
  await new Promise((resolve) => service.once('listening', resolve));
  lab = await startLab({ siteNames: [NAME], names: ['chat.example.test'] });
  const { port } = service.address() as { port: number };
  await openSession(lab, { slot: 1, localPort: port, lane: 'http' });
  await openSession(lab, { slot: 2, localPort: port, lane: 'http' });
});
afterAll(async () => {
  await lab?.stop();
  sockets?.close();
  service?.close();
});

function answer(request: IncomingMessage, response: import('node:http').ServerResponse): void {
  seen.push(request);
  if (request.url === '/stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: one\n\n');
    abort = () => response.end('data: two\n\n');
    return;
  }
  if (request.url === '/upload') {
    request.once('data', () => response.end('first bytes are here'));
    return;
  }
  response.writeHead(200, { 'strict-transport-security': 'max-age=1', 'x-service': 'yes' });
  response.end('hello');
}

const curl = (...args: string[]): Promise<RunResult> =>
  lab.run('client', 'curl', [
    '-sk',
    '-m',
    '10',
    '--resolve',
    `${NAME}:443:${lab.address.relayForClient}`,
    ...args,
  ]);
const all = (name: string): string[] => {
  const raw = seen.at(-1)?.rawHeaders ?? [];
  return raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name);
};

test.for(['--http1.1', '--http2'])(
  'exactly one set of forwarding headers goes on, whatever the visitor sent (%s)',
  async (version) => {
    const forged = [
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-For: 5.6.7.8',
      'x_forwarded_for: 9.9.9.9',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: evil.test',
      'X-Forwarded-Port: 1',
      'X-Real-IP: 1.2.3.4',
      'Forwarded: for=1.2.3.4',
    ];
    const { stdout, status } = await curl(
      version,
      '-i',
      `https://${NAME}/`,
      ...forged.flatMap((header) => ['-H', header]),
    );
    expect(status).toBe(0);
    expect(stdout).toContain('hello');
    expect(all('x-forwarded-for')).toEqual([lab.address.clients[0]]);
    expect(all('x-forwarded-proto')).toEqual(['https']);
    expect(all('x-forwarded-host')).toEqual([NAME]);
    expect(all('x-forwarded-port')).toEqual(['443']);
    expect(all('host')).toEqual([NAME]);
    for (const name of ['x-real-ip', 'forwarded', 'x_forwarded_for', 'upgrade'])
      expect(all(name)).toEqual([]);
    const hsts = stdout.split('\n').filter((line) => /^strict-transport-security/i.test(line));
    expect(hsts.map((line) => line.trim().toLowerCase())).toEqual([
      'strict-transport-security: max-age=31536000',
    ]);
  },
);

test('Authorization, Origin and Cookie pass untouched', async () => {
  await curl(
    `https://${NAME}/`,
    '-H',
    'Authorization: Bearer pst_x',
    '-H',
    'Origin: https://o',
    '-H',
    'Cookie: a=b',
  );
  expect(all('authorization')).toEqual(['Bearer pst_x']);
  expect(all('origin')).toEqual(['https://o']);
  expect(all('cookie')).toEqual(['a=b']);
});

test('a Host that is not the one of TLS never reaches home', async () => {
  const before = seen.length;
  const { status } = await curl(`https://${NAME}/`, '-H', 'Host: evil.test');
  expect(status).not.toBe(0);
  expect(seen).toHaveLength(before);
});

test('events come through one by one, while the answer is still running', async () => {
  const child = lab.spawn('client', 'curl', [
    '-skN',
    '--resolve',
    `${NAME}:443:${lab.address.relayForClient}`,
    '-H',
    'Accept: text/event-stream',
    `https://${NAME}/stream`,
  ]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await waitFor('the first event is here before the second was sent', 5000, () => text.includes('one'));
  expect(text).not.toContain('two');
  abort();
  await child.ended;
  expect(text).toContain('two');
});

test('an upload is handed on before it is complete', async () => {
  const socket = await tls();
  socket.write(`POST /upload HTTP/1.1\r\nHost: ${NAME}\r\nContent-Length: 1000000\r\n\r\nfirst`);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await waitFor('the service answered to the first bytes', 5000, () => text.includes('first bytes are here'));
  socket.destroy();
});

test('a WebSocket is upgraded and echoes; its handshake carries the same headers', async () => {
  const socket = new WebSocket(`wss://${lab.address.relayForClient}/ws`, {
    servername: NAME,
    headers: { host: NAME, 'x-forwarded-for': '1.2.3.4' },
    rejectUnauthorized: false,
  } as WebSocket.ClientOptions);
  const echo = await new Promise((resolve, reject) => {
    socket.on('open', () => socket.send('ping'));
    socket.on('message', (data: Buffer) => resolve(data.toString()));
    socket.on('error', reject);
  });
  expect(echo).toBe('ping');
  expect(all('x-forwarded-for')).toEqual([lab.address.clients[0]]);
  expect(all('connection')).toEqual(['upgrade']);
  socket.terminate();
});

test('connections to home are kept and used again', async () => {
  const ports = new Set<number | undefined>();
  for (let round = 0; round < 10; round++) {
    await curl(`https://${NAME}/`);
    ports.add(seen.at(-1)?.socket.remotePort);
  }
  expect(ports.size).toBeLessThan(6);
});

test('on a port with a tls: home name beside it: that one still goes through unread', async () => {
  const { status, stderr } = await lab.run('client', 'curl', [
    '-skv',
    '-m',
    '5',
    '--resolve',
    `chat.example.test:443:${lab.address.relayForClient}`,
    'https://chat.example.test/',
  ]);
  expect(status, 'no home end is there, so the connection is closed').toBe(35);
  expect(stderr).not.toContain('Server certificate');
});

test('after nginx was killed -9 and after a reboot of the relay it starts with both modes on one port', async () => {
  await lab.faults.crashNginx();
  expect((await curl(`https://${NAME}/`)).stdout).toBe('hello');
  await lab.faults.rebootRelay(100);
  const { port } = service.address() as { port: number };
  await openSession(lab, { slot: 1, localPort: port, lane: 'http' });
  expect((await curl(`https://${NAME}/`)).stdout).toBe('hello');
  expect((await lab.run('relay', 'stat', ['-c', '%A %U:%G', '/run/nginx-postern'])).stdout).toBe(
    'drwx--x--- root:www-data\n',
  );
});

test('Basic auth at the relay: asked for without, let in with, and not handed on', async () => {
  const basic = await startLab({ siteNames: [NAME], basicAuthFile: '/etc/nginx/dev.htpasswd' });
  try {
    await basic.run('relay', 'sh', [
      '-c',
      "htpasswd -nbB ann 'correct horse' >/etc/nginx/dev.htpasswd && chown root:www-data /etc/nginx/dev.htpasswd && chmod 640 /etc/nginx/dev.htpasswd",
    ]);
    const { port } = service.address() as { port: number };
    await openSession(basic, { slot: 1, localPort: port, lane: 'http' });
    const get = async (...args: string[]): Promise<string> =>
      (
        await basic.run('client', 'curl', [
          '-sk',
          '-m',
          '10',
          '-w',
          '%{http_code}',
          '-o',
          '/dev/null',
          '--resolve',
          `${NAME}:443:${basic.address.relayForClient}`,
          `https://${NAME}/`,
          ...args,
        ])
      ).stdout;
    const before = seen.length;
    expect(await get()).toBe('401');
    expect(await get('-u', 'ann:wrong')).toBe('401');
    expect(seen).toHaveLength(before);
    expect(await get('-u', 'ann:correct horse')).toBe('200');
    expect(all('authorization')).toEqual([]);
    const stranger = await basic.run('client', 'curl', [
      '-sk',
      '--http1.1',
      '-m',
      '5',
      `https://${basic.address.relayForClient}/`,
    ]);
    expect(stranger.status, 'another name gets no answer').toBe(52);
  } finally {
    await basic.stop();
  }
});

function tls(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: lab.address.relayForClient,
      port: 443,
      servername: NAME,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}
