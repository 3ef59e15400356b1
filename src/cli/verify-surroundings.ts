import { X509Certificate, createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { parseTarget } from '../config/target.ts';
import { PosternError } from '../core/errors/index.ts';
import { certificateSourcesOf, relayAddressOf } from '../daemon/compose.ts';
import type { CertificateSource } from '../daemon/certificates.ts';
import type { ControlClient } from '../daemon/control/client.ts';
import { readRelayLook } from '../daemon/relay-look.ts';
import { canaryKeyOf } from '../daemon/run-folder.ts';
import { Canary } from '../edge/canary.ts';
import { sshArguments } from '../link/argv.ts';
import { systemClock } from '../platform/clock.ts';
import { hasAesInstructions } from '../platform/cpu.ts';
import { fileModeOf } from '../platform/file-mode.ts';
import { readBoundedFile } from '../platform/files.ts';
import type { HomeFolder } from '../platform/home-folder.ts';
import { ownAddresses } from '../platform/own-addresses.ts';
import { whyUnreachable } from '../platform/reach.ts';
import { visit } from '../platform/visit.ts';
import type { LinkFacts, OwnFile, RelayShell, Surroundings } from '../verify/contract.ts';

export interface HomeToVerify {
  readonly config: Config;
  readonly configPath: string;
  readonly folder: HomeFolder;
  readonly env: NodeJS.ProcessEnv;
  /** `undefined`: no daemon is running. */
  readonly daemon: Pick<ControlClient, 'status' | 'lookAtService' | 'shutService'> | undefined;
  readonly relayShell: RelayShell | undefined;
}

const CONNECT_TIMEOUT_MS = 2000;

/** Everything that verify needs to know of this home; nothing is changed but what the daemon makes at its start too. */
export async function surroundingsOf(home: HomeToVerify): Promise<Surroundings> {
  const { config, folder, env, daemon, relayShell } = home;
  const { token } = config.gateway;
  const sources = sourcesOf(home);
  return {
    config,
    clock: systemClock,
    visit,
    front: { host: config.relay.host, port: config.relay.httpsPort, plainPort: 80 },
    makeCanary: await canaryOf(folder),
    certificateOf: (service) => fingerprintOf(sources, service),
    targetOf: ({ to }) => {
      const target = parseTarget(to);
      return target?.kind === 'tcp' ? target : undefined;
    },
    ownAddresses,
    whyUnreachable: (address) => whyUnreachable(address, CONNECT_TIMEOUT_MS),
    ownFiles: ownFilesOf(home, sources),
    modeOf: fileModeOf,
    askGuard: (service) => {
      if (!daemon) throw new PosternError('DAEMON_NOT_RUNNING');
      return daemon.lookAtService(service);
    },
    gatewayToken: token === undefined ? undefined : () => token.resolve(env),
    link: await linkFactsOf(home),
    relayShell,
    shutService: daemon && ((service, answer) => daemon.shutService(service, answer.slice(0, 500))),
    relayRootAtMs: await readRelayLook(folder),
  };
}

/** @returns none when the configuration is wrong about them: then no daemon starts either, and nothing is shown as ours */
function sourcesOf({ config, configPath, folder }: HomeToVerify): readonly CertificateSource[] {
  try {
    return certificateSourcesOf(config, configPath, folder.certs);
  } catch {
    return [];
  }
}

async function canaryOf(folder: HomeFolder): Promise<Surroundings['makeCanary']> {
  try {
    const canary = new Canary(await canaryKeyOf(folder), systemClock);
    return () => canary.make();
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

async function fingerprintOf(
  sources: readonly CertificateSource[],
  service: string,
): Promise<string | undefined> {
  const source = sources.find(({ name }) => name === service);
  const read = source && (await readBoundedFile(source.certFile, { followLink: true }));
  if (!read?.ok) return undefined;
  return new X509Certificate(read.file.bytes).fingerprint256;
}

function ownFilesOf(
  { configPath, folder }: HomeToVerify,
  sources: readonly CertificateSource[],
): readonly OwnFile[] {
  if (process.platform === 'win32') return [];
  const secret = (path: string, what: string): OwnFile => ({ path, what, mayBeRead: false });
  const keys = new Set(sources.map(({ keyFile }) => keyFile));
  return [
    { path: configPath, what: 'configuration', mayBeRead: true },
    secret(folder.root, 'folder'),
    secret(folder.databaseFile, 'database of users and devices'),
    secret(join(folder.root, 'canary.key'), 'key of the canary'),
    secret(join(folder.ssh, 'id_ed25519'), 'key of the link'),
    secret(folder.run, 'folder of sockets'),
    secret(folder.log, 'folder of logs'),
    ...[...keys].map((path) => secret(path, 'key of a certificate')),
  ];
}

async function linkFactsOf({ config, folder, daemon }: HomeToVerify): Promise<LinkFacts> {
  const status = await daemon?.status().catch(() => undefined);
  const relay = await relayAddressOf(config, folder).catch(() => undefined);
  const total = config.link.connections;
  const up = status?.connections.filter(({ state }) => state === 'up').length;
  if (!relay) return { up, total, ciphers: '', hostKey: undefined };
  const args = sshArguments({
    relay,
    forwards: [],
    remoteCommand: 'verify',
    hasAes: await hasAesInstructions(),
  });
  const ciphers = args.find((arg) => arg.startsWith('Ciphers='))?.slice('Ciphers='.length) ?? '';
  const known = await readBoundedFile(relay.knownHostsFile, { followLink: true });
  return {
    up,
    total,
    ciphers: ciphers.replaceAll(',', ', '),
    hostKey: known.ok ? hostKeyOf(known.file.bytes.toString('utf8')) : undefined,
  };
}

/** The first key of a known_hosts file as ssh-keygen -l prints it. */
function hostKeyOf(text: string): string | undefined {
  const [, blob] = /^(?!#)\S+ (?:ssh|ecdsa|sk)-\S+ ([A-Za-z0-9+/]+={0,2})/m.exec(text) ?? [];
  if (blob === undefined) return undefined;
  const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}
