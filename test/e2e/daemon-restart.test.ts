import { createServer, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { readdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { identifyProcess, runProcess } from '../../src/platform/processes.ts';
import { requestHttp2 } from '../support/edge-http2.ts';
import { PosternHome, type RunningUp } from '../support/postern-home.ts';
import { type Lab, startLab } from '../support/relay.ts';
import { waitFor } from '../support/wait-for.ts';

const NAME = 'open.example.test';
let lab: Lab;
let home: PosternHome;
let service: Server;

/** `/stream` sends a number every 100 ms for 6 s, everything else is answered at once. */
function startService(): Server {
  return createServer((incoming, response) => {
    if (incoming.url !== '/stream') return void response.end('hello');
    let count = 0;
    const timer = setInterval(() => {
      response.write(`${++count}\n`);
      if (count < 60) return;
      clearInterval(timer);
      response.end();
    }, 100);
  }).listen(0, '127.0.0.1');
}

const configOf = (more: object = {}, relay: object = {}): object => ({
  home: lab.home,
  relay: { host: lab.relay.host, ...relay },
  services: [
    {
      name: NAME,
      to: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
      auth: 'none',
      certificate: home.certificate,
    },
  ],
  ...more,
});

/** One GET through the relay. Nothing is asked twice: a request that is lost is a request that failed. @returns the body */
function get(path: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: lab.address.relayForClient,
        servername: NAME,
        path,
        headers: { host: NAME },
        rejectUnauthorized: false,
        ...(agent ? { agent } : { agent: false }),
        timeout: 10_000,
      },
      (incoming) => {
        let body = '';
        incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
        incoming.on('end', () =>
          incoming.statusCode === 200
            ? resolve(body)
            : reject(new Error(`status ${incoming.statusCode}: ${body}`)),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 10 s')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** What a visitor's HTTP/2 does: one connection, another one when its end has been announced. */
class Http2Visitor {
  #session: ClientHttp2Session | undefined;
  connections = 0;

  async get(): Promise<string> {
    try {
      const { status, body } = await requestHttp2(this.#present(), { ':authority': NAME, ':path': '/' });
      if (status !== 200) throw new Error(`status ${status}: ${body}`);
      return body;
    } catch (error) {
      // Said to be not begun: that may be asked again, whatever it is (RFC 9113 section 8.7), and browsers do.
      if (!/NGHTTP2_REFUSED_STREAM/.test(String(error))) throw error;
      return this.get();
    }
  }

  close(): void {
    this.#session?.close();
  }

  #present(): ClientHttp2Session {
    if (this.#session && !this.#session.closed) return this.#session;
    this.connections++;
    const session = connect(`https://${NAME}`, {
      createConnection: () =>
        connectTls({
          host: lab.address.relayForClient,
          port: 443,
          servername: NAME,
          ALPNProtocols: ['h2'],
          rejectUnauthorized: false,
        }),
    });
    session.on('error', () => {});
    this.#session = session;
    return session;
  }
}

interface Load {
  stop(): Promise<{ count: number; failures: string[]; http2: Http2Visitor }>;
}

/** Requests, 20 each second, until told to stop: on kept connections, on connections of their own, over HTTP/2. */
function startLoad(): Load {
  const failures: string[] = [];
  const running = new Set<Promise<unknown>>();
  const agent = new Agent({ keepAlive: true });
  const http2 = new Http2Visitor();
  const ways = [() => get('/', agent), () => http2.get(), () => get('/', agent), () => get('/')];
  let count = 0;
  const timer = setInterval(() => {
    const way = count++ % ways.length;
    const one = ways[way]?.().catch((error: unknown) => failures.push(`way ${way}: ${String(error)}`));
    running.add(one as Promise<unknown>);
    void one?.finally(() => running.delete(one));
  }, 50);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      agent.destroy();
      http2.close();
      return { count, failures, http2 };
    },
  };
}

async function sshChildrenOf(pid: number): Promise<number[]> {
  const { stdout } = await runProcess('ps', ['-o', 'pid=,comm=', '--ppid', String(pid)]);
  return stdout
    .split('\n')
    .filter((line) => line.endsWith(' ssh'))
    .map((line) => Number.parseInt(line, 10));
}

let running: RunningUp;

beforeAll(async () => {
  [lab, home] = await Promise.all([startLab({ names: [NAME] }), PosternHome.make()]);
  service = startService();
  await once(service, 'listening');
  await home.joinLab(lab, [NAME]);
  await home.configure(configOf());
  running = home.up();
  await home.isUp(running);
});

afterAll(async () => {
  await home?.remove();
  service?.closeAllConnections();
  service?.close();
  await lab?.stop();
});

test('up publishes the service, and status says so', async () => {
  expect(await get('/')).toBe('hello');
  const status = await waitFor('the first canary', 10_000, async () => {
    const seen = await home.status();
    return seen.services[0]?.lastCanary && seen;
  });
  expect(status.services).toMatchObject([
    {
      name: NAME,
      url: `https://${NAME}`,
      access: 'none',
      isOpen: true,
      isReachable: true,
      lastCanary: { isFine: true },
    },
  ]);
  expect(running.printed()).toContain(`https://${NAME} -> http://127.0.0.1`);
  expect(running.printed()).toContain('no sign-in!');
  expect(running.printed()).toMatch(/connection 1: up/);
});

test('a second up takes over: of 20 requests a second none fails, a running stream goes on to its end', async () => {
  const stream = get('/stream');
  const load = startLoad();
  const successor = home.up();
  await home.isUp(successor);
  expect(await running.child.ended).toMatchObject({ status: 0 });
  const { count, failures, http2 } = await load.stop();
  expect(failures).toEqual([]);
  expect(count).toBeGreaterThan(20);
  expect(http2.connections).toBeGreaterThan(1);
  expect((await stream).trimEnd().split('\n')).toHaveLength(60);
  running = successor;
});

test('a second up that cannot reach the relay leaves the first in its place', async () => {
  const oldPid = running.child.pid;
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJ';
  await home.configure(configOf({}, { hostKey: key }));
  const failed = home.up();
  expect(await failed.child.ended).toMatchObject({ status: 69 });
  expect(failed.printed()).toContain('DAEMON_HAND_OVER_FAILED');
  await home.configure(configOf());
  expect((await home.status()).pid).toBe(oldPid);
  expect(await get('/')).toBe('hello');
});

test('Ctrl-C while a take-over waits ends the newcomer at once, and the first goes on', async () => {
  const oldPid = running.child.pid;
  await home.configure(configOf({}, { port: 1 }));
  const waiting = home.up();
  await waitFor('it is starting', 20_000, async () =>
    (await readdir(join(home.root, 'run'))).includes(`control-${waiting.child.pid}.sock`),
  );
  waiting.child.kill('SIGINT');
  expect(await waiting.child.ended).toMatchObject({ status: 1 });
  expect(waiting.printed()).toContain('DAEMON_START_ENDED');
  await home.configure(configOf());
  expect((await home.status()).pid).toBe(oldPid);
  expect(await get('/')).toBe('hello');
});

test('kill -9 of the daemon: status says it is not running, the next up replaces what is left', async () => {
  const killed = running.child.pid as number;
  const orphans = await waitFor(
    'the connections are made anew after the failed take-over',
    20_000,
    async () => {
      const children = await sshChildrenOf(killed);
      return children.length === 2 ? children : undefined;
    },
  );
  running.child.kill('SIGKILL');
  await running.child.ended;
  expect(await home.run(['status'])).toMatchObject({ status: 69, stdout: '' });
  running = home.up();
  await home.isUp(running);
  await waitFor('no orphan is left', 10_000, async () => {
    const alive = await Promise.all(orphans.map((pid) => identifyProcess(pid)));
    return alive.every((one) => one === undefined);
  });
  expect(await get('/')).toBe('hello');
  const left = await readdir(join(home.root, 'run'));
  expect(left.filter((name) => name.includes(String(killed)))).toEqual([]);
});

test('stop drains and ends it, and leaves no socket', async () => {
  expect(await home.run(['stop'])).toMatchObject({ status: 0 });
  expect(await running.child.ended).toMatchObject({ status: 0 });
  expect(await readdir(join(home.root, 'run'))).toEqual([]);
});
