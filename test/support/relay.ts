import { readFile, mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { configSchema } from '../../src/config/schema.ts';
import { accountOf } from '../../src/core/relay-layout.ts';
import type { RelayAddress } from '../../src/link/contract.ts';
import {
  type ChildHandle,
  type RunOptions,
  type RunResult,
  runProcess,
  spawnProcess,
} from '../../src/platform/processes.ts';
import { type RelayFile, relayFiles } from '../../src/provision/render/relay-files.ts';
import { type RelayInput, relayInputOf } from '../../src/provision/render/relay-input.ts';
import { setupScript, takeBackScript } from '../../src/provision/render/setup-commands.ts';
import {
  type Addresses,
  addClientWire,
  addressesOf,
  claimNumber,
  configureWires,
  removeWires,
} from './lab-network.ts';
import { LabFaults } from './lab-faults.ts';
import { Namespace, must } from './namespace.ts';
import { RELAY_FLAGS, RELAY_INIT } from './relay-init.ts';

/**
 * A real relay for tests: the machine's own sshd and nginx, set up by exactly the texts that Postern gives people,
 * in namespaces of its own (network, processes, mounts). Its file tree is a copy-on-write view of the machine's,
 * so nothing of the machine is touched: not /etc/passwd, /etc/ssh, /etc/nginx, /run or /var/log.
 *
 * Two wires lead to it: `home` for ssh (10.77.N.0/24, port 22) and `client` for visitors (203.0.113.N, 80 and 443),
 * so that a fault on one leaves the other alone. By default the far ends of both are in the machine's own network:
 * a test in this process *is* home and visitor, no `ip netns exec` needed:
 *
 *     const lab = await startLab({ names: ['chat.example.test'] });
 *     createLink({ relay: lab.relay, … });                            // ssh to lab.relay.host
 *     await lab.run('client', 'curl', ['--resolve', `chat.example.test:443:${lab.address.relayForClient}`, …]);
 *     await lab.faults.blackhole(true);
 *     await lab.stop();
 *
 * With `isolated: true` home and visitor get network namespaces as well (for measurements, and for what reads
 * routes and interfaces); then programs have to be started with `lab.run('home', …)` or `lab.spawn('home', …)`.
 * Labs run side by side. `stop()` may be called any number of times; when the test dies, everything vanishes by itself.
 */
export interface LabOptions {
  /** ID of the home. Default `x`. */
  readonly home?: string;
  /** Names with `tls: home`. */
  readonly names?: readonly string[];
  /** Names with `tls: relay`; each gets a self-signed certificate. */
  readonly siteNames?: readonly string[];
  /** Path of a Basic auth file on the relay for the sites. */
  readonly basicAuthFile?: string;
  /** ssh connections, so sockets in nginx's upstream. Default 2. */
  readonly connections?: number;
  readonly isolated?: boolean;
  /** A relay that nobody has set up: no account, none of Postern's files. Root signs in with the key `operator`. */
  readonly isBare?: boolean;
}

export type Host = 'home' | 'relay' | 'client';

export interface Lab {
  readonly home: string;
  readonly account: string;
  readonly address: Addresses;
  /** The same for an ssh client of the link's account. */
  readonly relay: RelayAddress;
  readonly input: RelayInput;
  readonly files: readonly RelayFile[];
  /** A folder of this lab that the relay sees under the same path. */
  readonly folder: string;
  readonly faults: LabFaults;
  run(host: Host, file: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  spawn(host: Host, file: string, args: readonly string[]): ChildHandle;
  /** Options of ssh(1) that reach the relay with the link's key and nothing of this machine's own settings. */
  sshArgs(): string[];
  /** Where this process finds a file of the relay. */
  relayPath(path: string): string;
  sshdLog(): Promise<string>;
  nginxErrorLog(): Promise<string>;
  stop(): Promise<void>;
}

/** Namespaces, wires, keys, account, sshd and nginx: about a second. Root is needed. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-lab-'));
  const remover = startRemover(folder);
  const started: Namespace[] = [];
  try {
    return await build(options, folder, started, remover);
  } catch (error) {
    await removeAll(started, remover);
    throw error;
  }
}

/** Waits for the end of its input, so for us to let go of it or to die, and removes the folder. */
function startRemover(folder: string): ChildHandle {
  return spawnProcess('setsid', ['sh', '-c', 'cat >/dev/null; rm -rf "$1"', 'sh', folder]);
}

async function build(
  options: LabOptions,
  folder: string,
  started: Namespace[],
  remover: ChildHandle,
): Promise<Lab> {
  const key = join(folder, 'key');
  const keep = async (starting: Promise<Namespace>): Promise<Namespace> => {
    const namespace = await starting;
    started.push(namespace);
    return namespace;
  };
  const startFarEnd = (): Promise<Namespace> | undefined =>
    options.isolated ? keep(Namespace.start(['--net'], ['-n'], 'echo ready; exec cat')) : undefined;
  const [relay, homeEnd, clientEnd] = await Promise.all([
    keep(Namespace.start(RELAY_FLAGS.unshare, RELAY_FLAGS.nsenter, RELAY_INIT, [folder])),
    startFarEnd(),
    startFarEnd(),
    makeKey(key),
    makeKey(join(folder, 'hostkey')),
    makeKey(join(folder, 'operator')),
  ]);
  const lab = await claimNumber(relay, homeEnd);
  await addClientWire(lab, relay, clientEnd);
  await configureWires(lab, relay, homeEnd, clientEnd);
  const { input, files } = await setUp(options, folder, relay, key);
  const address = addressesOf(lab);
  await pinHostKey(folder, address);
  const places = { home: homeEnd, client: clientEnd, relay };
  const children = new Set<ChildHandle>();
  const faults = new LabFaults(lab, relay, homeEnd);
  await faults.startServers();
  return {
    home: input.home,
    account: accountOf(input.home),
    address,
    relay: {
      host: address.relayForHome,
      port: 22,
      account: accountOf(input.home),
      identityFile: key,
      knownHostsFile: join(folder, 'known_hosts'),
    },
    input,
    files,
    folder,
    faults,
    run: (host, file, args, runOptions) =>
      places[host] ? places[host].run(file, args, runOptions) : runProcess(file, args, runOptions),
    spawn: (host, file, args) => {
      const child = places[host] ? places[host].spawn(file, args) : spawnProcess(file, args);
      children.add(child);
      void child.ended.then(() => children.delete(child));
      return child;
    },
    sshArgs: () => sshArgs(folder),
    relayPath: (path) => `/proc/${relay.pid}/root${path}`,
    sshdLog: () => readFile(`/proc/${relay.pid}/root/var/log/sshd.log`, 'utf8'),
    nginxErrorLog: () => readFile(`/proc/${relay.pid}/root/var/log/nginx/error.log`, 'utf8'),
    stop: async () => {
      for (const child of children) child.kill('SIGKILL');
      await removeWires(relay);
      await removeAll(started, remover);
      await Promise.all([...children].map((child) => child.ended));
    },
  };
}

async function removeAll(started: readonly Namespace[], remover: ChildHandle): Promise<void> {
  await Promise.all(started.map((namespace) => namespace.stop()));
  remover.stdin.end();
  await remover.ended;
}

async function makeKey(path: string): Promise<void> {
  await must(runProcess('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lab', '-f', path]));
}

/** Runs the very setup script that \`postern relay-files\` hands out, inside the relay. */
async function setUp(
  options: LabOptions,
  folder: string,
  relay: Namespace,
  key: string,
): Promise<{ input: RelayInput; files: readonly RelayFile[] }> {
  const input = relayInputOf(configOf(options), await readFile(`${key}.pub`, 'utf8'));
  const files = relayFiles(input);
  for (const file of files) {
    const path = join(folder, 'files', file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.content);
  }
  await writeFile(join(folder, 'setup.sh'), setupScript(input, files));
  await writeFile(join(folder, 'take-back.sh'), takeBackScript(input, files));
  await must(relay.run('sh', ['-c', PREPARE, 'sh', folder, ...(options.siteNames ?? [])]));
  if (!options.isBare) await must(relay.run('sh', [join(folder, 'setup.sh')]));
  return { input, files };
}

/** What a relay has before Postern comes: a host key of its own, and certificates where TLS is to end there. */
const PREPARE = `set -e; folder=$1; shift
[ "$(cat /run/postern-lab)" = "$folder" ] || { echo "this is not the lab's relay: nothing is changed" >&2; exit 1; }
install -m 0600 "$folder/hostkey" /etc/ssh/ssh_host_ed25519_key
install -m 0644 "$folder/hostkey.pub" /etc/ssh/ssh_host_ed25519_key.pub
install -d -m 0700 /root/.ssh; install -m 0600 "$folder/operator.pub" /root/.ssh/authorized_keys
for name do
  live=/etc/letsencrypt/live/$name; mkdir -p "$live"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$name" \
    -addext "subjectAltName=DNS:$name" -keyout "$live/privkey.pem" -out "$live/fullchain.pem" 2>/dev/null
done`;

function configOf(options: LabOptions): ReturnType<typeof configSchema.parse> {
  const to = 'http://127.0.0.1:1';
  return configSchema.parse({
    home: options.home ?? 'x',
    relay: { host: 'relay.example.test' },
    link: { connections: options.connections ?? 2 },
    services: [
      ...(options.names ?? (options.siteNames ? [] : ['chat.example.test'])).map((name) => ({ name, to })),
      ...(options.siteNames ?? []).map((name) => ({
        name,
        to,
        tls: 'relay',
        ...(options.basicAuthFile === undefined ? {} : { basicAuth: { file: options.basicAuthFile } }),
      })),
    ],
  });
}

async function pinHostKey(folder: string, address: Addresses): Promise<void> {
  const [type, blob] = (await readFile(join(folder, 'hostkey.pub'), 'utf8')).split(' ');
  const lines = [address.relayForHome, address.relayForClient].map((host) => `${host} ${type} ${blob}\n`);
  await writeFile(join(folder, 'known_hosts'), lines.join(''));
}

function sshArgs(folder: string): string[] {
  const options = [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${join(folder, 'known_hosts')}`,
    'ConnectTimeout=5',
    'LogLevel=INFO',
  ];
  return ['-F', 'none', '-T', '-i', join(folder, 'key'), ...options.flatMap((option) => ['-o', option])];
}
