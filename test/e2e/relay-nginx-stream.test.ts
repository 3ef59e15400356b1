import { type Server, type Socket, connect, createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientHello } from '../support/client-hello.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { type TestSession, openSession } from '../support/relay-session.ts';
import { waitFor } from '../support/wait-for.ts';

/** nginx on the relay with `tls: home`: it reads the name, adds a PROXY header, and carries bytes. */
const NAMES = ['chat.example.test', `${'long-label.'.repeat(12)}example.test`];

/** An end at home that keeps the PROXY header and the ClientHello it got, and answers with its own name, then echoes. */
interface HomeEnd {
  readonly port: number;
  readonly seen: { header: string; hello: Buffer }[];
  readonly server: Server;
}

let lab: Lab;
const ends: HomeEnd[] = [];
const sessions: TestSession[] = [];
const hellos = new Map<string, Buffer>();

beforeAll(async () => {
  lab = await startLab({ names: NAMES });
  for (const name of NAMES) hellos.set(name, await clientHello(name));
  for (const slot of [1, 2]) {
    const end = await startHomeEnd(`slot ${slot}`);
    ends.push(end);
    sessions.push(await openSession(lab, { slot, localPort: end.port }));
  }
});
afterAll(async () => {
  await lab?.stop();
  for (const end of ends) end.server.close();
});

async function startHomeEnd(label: string): Promise<HomeEnd> {
  const seen: HomeEnd['seen'] = [];
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', function first(chunk: Buffer) {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n');
      if (end < 0 || bytes.length < end + 2 + 200) return;
      socket.off('data', first);
      seen.push({ header: bytes.subarray(0, end).toString(), hello: bytes.subarray(end + 2) });
      socket.write(`${label}\n`);
      socket.on('data', (more) => socket.write(more));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { port: (server.address() as { port: number }).port, seen, server };
}

interface Visit {
  readonly host?: string;
  readonly from?: string;
  /** Pieces that are written one by one. */
  readonly pieces: readonly Buffer[];
}

const visitors = new Set<Socket>();
/** @returns the first line that comes back, or what ended the connection */
async function visit({ host = lab.address.relayForClient, from, pieces }: Visit): Promise<string> {
  const socket = connect({
    host,
    port: 443,
    ...(from === undefined ? {} : { localAddress: from }),
    noDelay: true,
  });
  visitors.add(socket);
  return new Promise((resolve) => {
    let text = '';
    socket.on('connect', () => void sendPieces(socket, pieces));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('\n')) resolve(text.trim());
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(`error ${error.code}`));
    socket.on('close', () => resolve(`closed ${text}`.trim()));
    socket.setTimeout(8000, () => resolve('nothing'));
  });
}

async function sendPieces(socket: Socket, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    if (pieces.length > 1) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function closeVisitors(): void {
  for (const socket of visitors) socket.destroy();
  visitors.clear();
}

const helloFor = (name: string): Buffer => hellos.get(name) as Buffer;
const cut = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );

/** The same handshake message in two TLS records. */
function inTwoRecords(hello: Buffer): Buffer {
  const [head, message] = [hello.subarray(0, 3), hello.subarray(5)];
  const record = (part: Buffer): Buffer => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(part.length);
    return Buffer.concat([head, length, part]);
  };
  return Buffer.concat([record(message.subarray(0, 50)), record(message.subarray(50))]);
}

test.for(NAMES)(
  'our name %s reaches home with the ClientHello untouched and the visitor address in a PROXY header',
  async (name) => {
    const before = ends.flatMap((end) => end.seen).length;
    expect(await visit({ pieces: [helloFor(name)] })).toMatch(/^slot [12]$/);
    const seen = ends.flatMap((end) => end.seen);
    expect(seen).toHaveLength(before + 1);
    const last = ends.map((end) => end.seen.at(-1)).find((entry) => entry?.hello.equals(helloFor(name)));
    expect(last?.header).toMatch(
      new RegExp(`^PROXY TCP4 ${lab.address.clients[0]} ${lab.address.relayForClient} \\d+ 443$`),
    );
  },
);

test('other visitors keep their own addresses, IPv6 too', async () => {
  const header = async (visitOptions: Omit<Visit, 'pieces'>): Promise<string> => {
    const before = new Set(ends.flatMap((end) => end.seen));
    await visit({ ...visitOptions, pieces: [helloFor('chat.example.test')] });
    return ends.flatMap((end) => end.seen).find((entry) => !before.has(entry))?.header ?? '';
  };
  expect(await header({ from: lab.address.clients[2] as string })).toContain(
    `PROXY TCP4 ${lab.address.clients[2]} `,
  );
  expect(await header({ host: lab.address.relayForClientV6 })).toContain(
    `PROXY TCP6 ${lab.address.clientV6} `,
  );
});

test('a ClientHello in segments of 7 bytes and one in two TLS records find their way', async () => {
  const hello = helloFor('chat.example.test');
  expect(await visit({ pieces: cut(hello, 7) })).toMatch(/^slot/);
  expect(await visit({ pieces: [inTwoRecords(hello)] })).toMatch(/^slot/);
});

test('no name, other names and plain HTTP are closed without a byte, and home hears nothing of it', async () => {
  const before = ends.flatMap((end) => end.seen).length;
  for (const name of [
    undefined,
    'other.example.test',
    'xchat.example.test',
    'chat.example.test.evil.test',
    'example.test',
  ]) {
    expect(await visit({ pieces: [await clientHello(name)] })).toMatch(/^(closed|error ECONNRESET)$/);
  }
  expect(await visit({ pieces: [Buffer.from('GET / HTTP/1.1\r\nHost: chat.example.test\r\n\r\n')] })).toMatch(
    /^(closed|error ECONNRESET)$/,
  );
  expect(ends.flatMap((end) => end.seen)).toHaveLength(before);
});

test('a reload keeps the visitors and takes new ones', async () => {
  const socket = connect(443, lab.address.relayForClient);
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.write(helloFor('chat.example.test'));
  await waitFor('the visitor is in', 5000, () => text.includes('slot'));
  expect((await lab.run('relay', 'nginx', ['-s', 'reload'])).status).toBe(0);
  await waitFor('old workers are leaving', 5000, async () =>
    (await lab.run('relay', 'ps', ['-eo', 'args'])).stdout.includes('worker process is shutting down'),
  );
  for (let round = 0; round < 3; round++)
    expect(await visit({ pieces: [helloFor('chat.example.test')] })).toMatch(/^slot/);
  socket.write('still here\n');
  await waitFor('the old visitor still talks to home', 5000, () => text.includes('still here'));
  socket.destroy();
  closeVisitors();
  expect(await lab.nginxErrorLog()).not.toContain('[emerg]');
});

test('60 silent connections of one address: 40 are let in, and none lives past the 5 s of preread', async () => {
  closeVisitors();
  const since = performance.now();
  const ages: number[] = [];
  const sockets = Array.from({ length: 60 }, () => {
    const socket = connect({
      host: lab.address.relayForClient,
      port: 443,
      localAddress: lab.address.clients[3] as string,
    });
    socket.on('error', () => {});
    socket.on('close', () => ages.push(performance.now() - since));
    socket.resume();
    return socket;
  });
  await waitFor('20 are closed at once', 3000, () => ages.length === 20);
  const other = await visit({
    from: lab.address.clients[4] as string,
    pieces: [helloFor('chat.example.test')],
  });
  expect(other, 'another address is not concerned').toMatch(/^slot/);
  expect(ages).toHaveLength(20);
  await waitFor('all are closed', 9000, () => ages.length === 60);
  expect(Math.max(...ages)).toBeLessThan(8000);
  expect(sockets.every((socket) => socket.destroyed)).toBe(true);
});

test('one of two connections killed -9 with its socket left behind: 30 of 30 visitors are served by the other', async () => {
  closeVisitors();
  await lab.run('relay', 'sh', ['-c', 'pkill -KILL -u postern-x -f "^sshd: postern-x@notty" -n']);
  await sessions[1]?.child.ended;
  expect((await lab.run('relay', 'ls', ['/var/lib/postern/x'])).stdout).toContain('2.sock');
  for (let round = 0; round < 30; round++) {
    expect(await visit({ pieces: [helloFor('chat.example.test')] })).toBe('slot 1');
    closeVisitors();
  }
  await lab.run('relay', 'rm', ['/var/lib/postern/x/2.sock']);
  for (let round = 0; round < 20; round++) {
    expect(await visit({ pieces: [helloFor('chat.example.test')] })).toBe('slot 1');
    closeVisitors();
  }
  expect(await lab.nginxErrorLog()).not.toContain('no live upstreams');
});

test('after both connections were gone, the first visitor after the return of one is served: no server is held to be down', async () => {
  closeVisitors();
  await lab.faults.killSessions();
  await Promise.all(sessions.map((session) => session.child.ended));
  for (let round = 0; round < 4; round++) {
    expect(await visit({ pieces: [helloFor('chat.example.test')] })).toMatch(/^(closed|error ECONNRESET)$/);
  }
  await openSession(lab, { slot: 2, localPort: ends[1]?.port ?? 0 });
  for (let round = 0; round < 4; round++) {
    expect(await visit({ pieces: [helloFor('chat.example.test')] })).toBe('slot 2');
    closeVisitors();
  }
  expect(await lab.nginxErrorLog()).not.toContain('no live upstreams');
});

test('port 80: our name is sent to https with its path, another gets no answer', async () => {
  const curl = (host: string): Promise<string> =>
    lab
      .run('client', 'curl', [
        '-s',
        '-m',
        '5',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code} %{redirect_url}',
        '-H',
        `Host: ${host}`,
        `http://${lab.address.relayForClient}/a?b=c`,
      ])
      .then((result) => `${result.status} ${result.stdout}`);
  expect(await curl('chat.example.test')).toBe('0 301 https://chat.example.test/a?b=c');
  expect(await curl('evil.test')).toBe('52 000 ');
  expect(await curl(lab.address.relayForClient)).toBe('52 000 ');
});
