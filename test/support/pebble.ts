import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { HttpsAnswer } from '../../src/platform/https-request.ts';
import { requestHttps } from '../../src/platform/https-request.ts';
import { type ChildHandle, runProcess } from '../../src/platform/processes.ts';
import { must } from './namespace.ts';
import { makeTestFolder } from './temporary-folder.ts';
import { spawnTied } from './tied-process.ts';
import { waitFor } from './wait-for.ts';

export interface PebbleOptions {
  /** The port of every name to which TLS-ALPN-01 goes. */
  readonly tlsPort: number;
  /** What every name's A record says. Default 127.0.0.1. */
  readonly address?: string;
  /** Life of the certificates in days. Default 90. */
  readonly days?: number;
  /** Good nonces that are refused, in percent. Default 5, as Pebble does on its own. */
  readonly nonceRejectPercent?: number;
}

/**
 * Pebble, Let's Encrypt's small ACME server for tests, with its own DNS server beside it, both on loopback. Its clock is
 * the machine's, it keeps no limits and makes no suggestions about renewal: where a test needs those, the authority is
 * `acme-authority.ts`.
 */
export class Pebble {
  readonly directoryUrl: string;
  /** PEM of the authority that the directory itself is trusted by. */
  readonly ca: string;
  readonly caFile: string;
  readonly #managementUrl: string;
  readonly #dnsControlUrl: string;
  readonly #children: readonly ChildHandle[];
  readonly #start: () => ChildHandle;
  #pebble: ChildHandle;

  private constructor(parts: {
    ports: Ports;
    ca: string;
    caFile: string;
    dns: ChildHandle;
    start: () => ChildHandle;
  }) {
    this.directoryUrl = `https://localhost:${parts.ports.acme}/dir`;
    this.ca = parts.ca;
    this.caFile = parts.caFile;
    this.#managementUrl = `https://localhost:${parts.ports.management}`;
    this.#dnsControlUrl = `http://127.0.0.1:${parts.ports.dnsControl}`;
    this.#children = [parts.dns];
    this.#start = parts.start;
    this.#pebble = parts.start();
  }

  static async start(options: PebbleOptions): Promise<Pebble> {
    const folder = makeTestFolder('pebble-');
    const ports = await findPorts();
    const files = await makeServerCertificate(folder);
    const config = join(folder, 'pebble.json');
    await writeFile(config, JSON.stringify({ pebble: configOf(options, ports, files) }));
    const env = {
      ...process.env,
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_AUTHZREUSE: '0',
      PEBBLE_WFE_NONCEREJECT: String(options.nonceRejectPercent ?? 5),
    };
    const args = ['-config', config, '-dnsserver', `127.0.0.1:${ports.dns}`];
    const pebble = new Pebble({
      ports,
      ca: await readFile(files.ca, 'utf8'),
      caFile: files.ca,
      dns: startDns(ports, options.address ?? '127.0.0.1'),
      start: () => silence(spawnTied('pebble', args, { env })),
    });
    await pebble.#isReady();
    return pebble;
  }

  /** The root that its certificates go back to, PEM. */
  async root(): Promise<string> {
    const answer = await this.#get(`${this.#managementUrl}/roots/0`);
    if (!answer.ok) throw new Error(answer.reason);
    return answer.body;
  }

  /** Sets a TXT record. */
  publishTxt(name: string, value: string): Promise<void> {
    return this.#tellDns('set-txt', { host: `${name}.`, value });
  }

  removeTxt(name: string): Promise<void> {
    return this.#tellDns('clear-txt', { host: `${name}.` });
  }

  /** Ends the ACME server and lets another one start in its place, which knows nothing of the accounts and orders. */
  async restart(whileDown: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    this.#pebble.kill('SIGKILL');
    await this.#pebble.ended;
    await whileDown();
    this.#pebble = this.#start();
    await this.#isReady();
  }

  async stop(): Promise<void> {
    for (const child of [this.#pebble, ...this.#children]) {
      child.kill('SIGKILL');
      await child.ended;
    }
  }

  async #isReady(): Promise<void> {
    await waitFor('Pebble answers', 15_000, async () => (await this.#get(this.directoryUrl)).ok);
  }

  #get(url: string): Promise<HttpsAnswer> {
    return requestHttps({ method: 'GET', url, timeoutMs: 5000, ca: this.ca });
  }

  async #tellDns(call: string, body: object): Promise<void> {
    const answer = await fetch(`${this.#dnsControlUrl}/${call}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${call}: ${answer.status}`);
  }
}

interface Ports {
  readonly acme: number;
  readonly management: number;
  readonly dns: number;
  readonly dnsControl: number;
}

function configOf(options: PebbleOptions, ports: Ports, files: ServerFiles): object {
  return {
    listenAddress: `127.0.0.1:${ports.acme}`,
    managementListenAddress: `127.0.0.1:${ports.management}`,
    certificate: files.cert,
    privateKey: files.key,
    httpPort: 9,
    tlsPort: options.tlsPort,
    certificateValidityPeriod: Math.round((options.days ?? 90) * 86_400),
  };
}

function startDns(ports: Ports, address: string): ChildHandle {
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', ''];
  const on = ['-dns01', `127.0.0.1:${ports.dns}`, '-management', `127.0.0.1:${ports.dnsControl}`];
  return silence(spawnTied('pebble-challtestsrv', [...on, ...off, '-defaultIPv4', address]));
}

/** A pipe that nobody reads stops a program once it is full. */
function silence(child: ChildHandle): ChildHandle {
  child.stdout.resume();
  child.stderr.resume();
  return child;
}

interface ServerFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

async function makeServerCertificate(folder: string): Promise<ServerFiles> {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30'.split(' ');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  await must(runProcess('openssl', [...request, ...subject, '-keyout', key, '-out', cert]));
  return { cert, key, ca: cert };
}

/** Ports that are free now; neither program can be told to choose one. */
async function findPorts(): Promise<Ports> {
  const servers = await Promise.all(Array.from({ length: 4 }, () => listen()));
  const [acme = 0, management = 0, dns = 0, dnsControl = 0] = servers.map(
    (server) => (server.address() as AddressInfo).port,
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { acme, management, dns, dnsControl };
}

function listen(): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}
