import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { DnsServer } from '../../src/platform/dns-query.ts';
import { type ChildHandle, runProcess } from '../../src/platform/processes.ts';
import { makeTestFolder } from './temporary-folder.ts';
import { spawnTied } from './tied-process.ts';
import { waitFor } from './wait-for.ts';

/** A TSIG key of the server. */
export interface BindKey {
  readonly name: string;
  readonly secret: string;
}

/** May change everything in the zone. */
export const FULL_KEY: BindKey = {
  name: 'full',
  secret: Buffer.from('full-key-'.repeat(4)).toString('base64'),
};
/** May change what `chat.example.test` needs, and nothing else. */
export const NARROW_KEY: BindKey = {
  name: 'narrow',
  secret: Buffer.from('narrow-key'.repeat(4)).toString('base64'),
};
/** Known, and may change nothing. */
export const IDLE_KEY: BindKey = {
  name: 'idle',
  secret: Buffer.from('idle-key-'.repeat(4)).toString('base64'),
};

export const BIND_ZONE = 'example.test';

export interface BindOptions {
  /**
   * Name servers of the zone, by loopback address (`127.0.0.1`, `::1`: named listens where an interface has the address):
   * each is a server of its own that knows nothing of the others.
   */
  readonly addresses?: readonly string[];
  /** Lines of the zone file. */
  readonly records?: readonly string[];
  /** The test zone has a DS record in its parent, `test`. */
  readonly isSigned?: boolean;
}

/** Real name servers on loopback, all on one port. */
export class Bind {
  readonly port: number;
  readonly addresses: readonly string[];
  readonly #children: readonly ChildHandle[];

  private constructor(port: number, addresses: readonly string[], children: readonly ChildHandle[]) {
    this.port = port;
    this.addresses = addresses;
    this.#children = children;
  }

  static async start(options: BindOptions = {}): Promise<Bind> {
    const addresses = options.addresses ?? ['127.0.0.1'];
    const port = await findPort(addresses);
    const children: ChildHandle[] = [];
    try {
      for (const address of addresses) children.push(await startServer(address, port, addresses, options));
    } catch (error) {
      await end(children);
      throw error;
    }
    return new Bind(port, addresses, children);
  }

  /** The first server: it answers as the resolver too, since it knows every name of the test. */
  get resolver(): DnsServer {
    return { address: this.addresses[0] ?? '127.0.0.1', port: this.port };
  }

  /** Somebody else's hands: lines for nsupdate, with the full key. */
  async update(lines: readonly string[], address = this.resolver.address): Promise<void> {
    const head = [`server ${address} ${this.port}`, `key hmac-sha256:${FULL_KEY.name} ${FULL_KEY.secret}`];
    const input = [...head, ...lines, 'send', ''].join('\n');
    const { status, stderr } = await runProcess('nsupdate', [], { input });
    if (status !== 0) throw new Error(stderr);
  }

  /** Stops the server at `address`; the others go on. */
  async stopServer(address: string): Promise<void> {
    const child = this.#children[this.addresses.indexOf(address)];
    if (child) await end([child]);
  }

  async stop(): Promise<void> {
    await end(this.#children);
  }
}

async function end(children: readonly ChildHandle[]): Promise<void> {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(children.map((child) => child.ended));
}

async function findPort(addresses: readonly string[]): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, addresses[0], resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function startServer(
  address: string,
  port: number,
  addresses: readonly string[],
  options: BindOptions,
): Promise<ChildHandle> {
  const folder = makeTestFolder('postern-bind-');
  const config = join(folder, 'named.conf');
  await writeFile(join(folder, 'zone.db'), zoneFile(addresses, options.records ?? []));
  await writeFile(join(folder, 'parent.db'), parentFile(options.isSigned ?? false));
  await writeFile(config, configFile(folder, address, port));
  const child = spawnTied('named', ['-g', '-c', config, '-n', '1']);
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString('utf8')));
  child.stdout.resume();
  let hasEnded = false;
  void child.ended.then(() => (hasEnded = true));
  await waitFor('named answers', 15_000, () => {
    if (hasEnded) throw new Error(`named ended: ${words.slice(-2000)}`);
    return / running$/m.test(words);
  });
  return child;
}

const keyBlock = ({ name, secret }: BindKey): string =>
  `key "${name}" { algorithm hmac-sha256; secret "${secret}"; };`;

function configFile(folder: string, address: string, port: number): string {
  const narrow = ['chat.example.test', '_postern.chat.example.test', '_acme-challenge.chat.example.test'];
  return [
    ...[FULL_KEY, NARROW_KEY, IDLE_KEY].map(keyBlock),
    'options {',
    `  directory "${folder}"; pid-file "${folder}/named.pid"; session-keyfile "${folder}/session.key";`,
    `  listen-on port ${port} { ${address.includes(':') ? 'none' : address}; };`,
    `  listen-on-v6 port ${port} { ${address.includes(':') ? address : 'none'}; };`,
    '  recursion no; notify no; dnssec-validation no; minimal-responses yes;',
    '};',
    'controls { };',
    'logging { category default { default_stderr; }; category queries { null; }; };',
    `zone "${BIND_ZONE}" { type primary; file "zone.db"; update-policy {`,
    '  grant full zonesub ANY;',
    ...narrow.map((name) => `  grant narrow name ${name} ANY;`),
    '}; };',
    'zone "test" { type primary; file "parent.db"; };',
    '',
  ].join('\n');
}

function zoneFile(addresses: readonly string[], records: readonly string[]): string {
  return [
    '$TTL 60',
    '@ IN SOA ns1 host 1 3600 600 86400 60',
    ...addresses.flatMap((address, index) => [
      `@ IN NS ns${index + 1}`,
      `ns${index + 1} IN ${address.includes(':') ? 'AAAA' : 'A'} ${address}`,
    ]),
    ...records,
    '',
  ].join('\n');
}

function parentFile(isSigned: boolean): string {
  const digest = 'ab'.repeat(32);
  return [
    '$TTL 60',
    '@ IN SOA ns1.example.test. host 1 3600 600 86400 60',
    '@ IN NS ns1.example.test.',
    'example IN NS ns1.example.test.',
    ...(isSigned ? [`example IN DS 12345 13 2 ${digest}`] : []),
    '',
  ].join('\n');
}
