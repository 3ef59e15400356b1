import { join } from 'node:path';
import { resolveConfigPath } from '../config/load.ts';
import type { Config, ServiceConfig } from '../config/schema.ts';
import { parseTarget } from '../config/target.ts';
import { PosternError } from '../core/errors/index.ts';
import { type Lane, accountOf, sessionCommandOf, socketOf } from '../core/relay-layout.ts';
import { inlineSession } from '../core/session-script.ts';
import type { DoorKind, EdgeService, Target } from '../edge/contract.ts';
import { isPathDenied } from '../gateway/denied-paths.ts';
import type { Forward, RelayAddress } from '../link/contract.ts';
import { readBoundedFile, writeFileAtomically } from '../platform/files.ts';
import type { HomeFolder } from '../platform/home-folder.ts';
import type { CanaryTarget } from './canary.ts';
import type { CertificateSource } from './certificates.ts';
import type { WatchedService } from './service-watch.ts';

/** The configuration in the words of the parts that are joined: all pure, but for the host key's file. */

/** `https://NAME`, with the port where it is not 443. */
export function urlOf(name: string, port: number): string {
  return port === 443 ? `https://${name}` : `https://${name}:${port}`;
}

export function edgeServicesOf(config: Config): EdgeService[] {
  return config.services.map((service) => ({
    name: service.name,
    target: targetOf(service),
    tls: service.tls,
    access: service.auth,
    isPathDenied:
      service.kind === 'openclaw' ? (rawPath) => isPathDenied(rawPath, service.allow) : () => false,
  }));
}

export function watchedServicesOf(config: Config): WatchedService[] {
  return config.services.map((service) => ({
    name: service.name,
    target: targetOf(service),
    to: service.to,
  }));
}

export function canaryTargetsOf(config: Config): CanaryTarget[] {
  return config.services.map(({ name, tls, basicAuth }) => ({
    name,
    tls,
    url: urlOf(name, config.relay.httpsPort),
    isBehindBasicAuth: basicAuth !== undefined,
  }));
}

/**
 * The certificate of every name that ends TLS at home: files that the configuration names, else by ACME.
 * @param certsFolder where certificates by ACME lie, chain and key in one file
 * @throws CERTIFICATE_MISSING, ACME_TERMS_NOT_AGREED
 */
export function certificateSourcesOf(
  config: Config,
  configPath: string,
  certsFolder: string,
): CertificateSource[] {
  const named = [
    ...config.services.filter(({ tls }) => tls === 'home'),
    ...(config.gate ? [{ name: config.gate, certificate: config.gateCertificate }] : []),
  ];
  return named.map(({ name, certificate }) => {
    if (!certificate) {
      const file = orderedFileOf(config, certsFolder, name);
      return { name, certFile: file, keyFile: file, isOrdered: true };
    }
    return {
      name,
      certFile: resolveConfigPath(configPath, certificate.cert),
      keyFile: resolveConfigPath(configPath, certificate.key),
    };
  });
}

function orderedFileOf({ acme }: Config, certsFolder: string, service: string): string {
  if (!acme) throw new PosternError('CERTIFICATE_MISSING', { service });
  if (!acme.agreeTos) {
    throw new PosternError('ACME_TERMS_NOT_AGREED', { service, directory: acme.directory });
  }
  return join(certsFolder, `${service}.pem`);
}

/** The kinds of traffic that each connection of the link carries. */
export function lanesOf(config: Config): Lane[] {
  const modes = new Set(config.services.map(({ tls }) => tls));
  if (config.gate) modes.add('home');
  return [...(modes.has('home') ? ['tls' as const] : []), ...(modes.has('relay') ? ['http' as const] : [])];
}

export const DOOR_OF_LANE = { tls: 'link-tls', http: 'link-http' } as const satisfies Record<Lane, DoorKind>;

/** What the relay's nginx connects to for a slot and a lane. */
export function remoteEndOf(config: Config, slot: number, lane: Lane): Forward['remote'] {
  if (config.relay.forward === 'socket') return { path: socketOf(config.home, slot, lane) };
  const port = config.relay.ports[slot - 1];
  if (port === undefined) throw new Error(`no port for connection ${slot}`);
  return { host: '127.0.0.1', port };
}

/** What ssh asks the relay to run: the account's forced command, or the whole script where root could not place one. */
export function remoteCommandOf(config: Config, slot: number): string {
  return config.relay.forward === 'socket' ? sessionCommandOf(slot) : inlineSession(config.home, slot);
}

/**
 * The relay as ssh needs it: our own key where there is one, else the agent's; the pinned host key and no other.
 * @throws LINK_HOST_KEY_MISSING
 */
export async function relayAddressOf(config: Config, folder: HomeFolder): Promise<RelayAddress> {
  const { host, port, account, hostKey } = config.relay;
  const ownKey = join(folder.ssh, 'id_ed25519');
  const hasOwnKey = (await readBoundedFile(ownKey, { followLink: true })).ok;
  return {
    host,
    port,
    account: account ?? accountOf(config.home),
    identityFile: hasOwnKey ? ownKey : undefined,
    knownHostsFile: await knownHostsFileOf({ host, port, hostKey }, folder),
  };
}

async function knownHostsFileOf(
  relay: { host: string; port: number; hostKey: string | undefined },
  folder: HomeFolder,
): Promise<string> {
  if (relay.hostKey !== undefined) {
    const path = join(folder.ssh, 'known_hosts.pinned');
    await writeFileAtomically(path, knownHostsLine(relay.host, relay.port, relay.hostKey), 0o600);
    return path;
  }
  const path = join(folder.ssh, 'known_hosts');
  if ((await readBoundedFile(path, { followLink: true })).ok) return path;
  throw new PosternError('LINK_HOST_KEY_MISSING', { host: relay.host });
}

/** sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: a port other than 22 stands behind the name in brackets. */
export function knownHostsLine(host: string, port: number, hostKey: string): string {
  return `${port === 22 ? host : `[${host}]:${port}`} ${hostKey}\n`;
}

function targetOf({ to }: ServiceConfig): Target {
  const target = parseTarget(to);
  if (!target) throw new Error(`the schema let ${to} pass`);
  return target;
}
