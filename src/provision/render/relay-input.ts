import type { Config } from '../../config/schema.ts';
import { PosternError } from '../../core/errors/index.ts';

/** A name that the relay ends TLS for, and where its certificate lies there. */
export interface RelaySite {
  readonly name: string;
  readonly certificate: string;
  readonly certificateKey: string;
  /** Password file for Basic auth on the relay. */
  readonly basicAuthFile: string | undefined;
}

/** Everything that the texts of the relay are made from. Only `checkRelayInput` makes one. */
export interface RelayInput {
  readonly home: string;
  /** ssh connections of the link: one socket each. */
  readonly connections: number;
  readonly httpsPort: number;
  /** Group of nginx's workers. */
  readonly nginxGroup: string;
  /** `ssh-ed25519 AAAA…`: type and base64, without comment. */
  readonly publicKey: string;
  /** Names whose TLS ends at home. */
  readonly homeNames: readonly string[];
  /** Names whose TLS ends on the relay. */
  readonly sites: readonly RelaySite[];
}

/** Not `listen-443`: nginx's folder has files of that name that all homes share. */
const HOME = /^(?!listen-\d+$)[a-z][a-z0-9-]{0,15}$/;
const GROUP = /^[a-z_][a-z0-9_-]{0,31}$/;
const NAME = /^(?=.{3,253}$)(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+$/;
const KEY =
  /^(ssh-ed25519|sk-ssh-ed25519@openssh\.com|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/]{43,4096}={0,2}$/;
const PATH = /^(\/[A-Za-z0-9_][A-Za-z0-9._-]{0,254}){1,32}$/;

/**
 * Nothing gets into a text that could end its line, its quotes or its block: every value is held against a pattern
 * of plain characters here, once, although the schema has done so already.
 * @throws RELAY_VALUE_UNSAFE
 */
export function checkRelayInput(input: RelayInput): RelayInput {
  match('home', input.home, HOME);
  match('nginx group', input.nginxGroup, GROUP);
  match('public key', input.publicKey, KEY);
  within('number of connections', input.connections, 1, 8);
  within('https port', input.httpsPort, 1, 65_535);
  for (const name of input.homeNames) match('service name', name, NAME);
  for (const site of input.sites) {
    match('service name', site.name, NAME);
    match('certificate path', site.certificate, PATH);
    match('certificate key path', site.certificateKey, PATH);
    if (site.basicAuthFile !== undefined) match('Basic auth file', site.basicAuthFile, PATH);
  }
  return input;
}

/**
 * What the relay's texts need of a configuration.
 * @param publicKey a line of a `.pub` file; its comment is dropped
 * @throws RELAY_VALUE_UNSAFE
 */
export function relayInputOf(config: Config, publicKey: string): RelayInput {
  const atHome = config.services.filter((service) => service.tls === 'home').map((service) => service.name);
  return checkRelayInput({
    home: config.home,
    connections: config.link.connections,
    httpsPort: config.relay.httpsPort,
    nginxGroup: config.relay.nginxGroup,
    publicKey: withoutComment(publicKey),
    homeNames: config.gate === undefined ? atHome : [...atHome, config.gate],
    sites: config.services
      .filter((service) => service.tls === 'relay')
      .map((service) => siteOf(service.name, service.basicAuth?.file)),
  });
}

/** A site with its certificate where certbot puts it. */
export function siteOf(name: string, basicAuthFile?: string): RelaySite {
  return {
    name,
    certificate: `/etc/letsencrypt/live/${name}/fullchain.pem`,
    certificateKey: `/etc/letsencrypt/live/${name}/privkey.pem`,
    basicAuthFile,
  };
}

function withoutComment(line: string): string {
  return /^\S+ +\S+(?= |\n?$)/.exec(line)?.[0].replace(/ +/, ' ') ?? line;
}

function match(field: string, value: string, pattern: RegExp): void {
  // `$` also matches before a final newline in some engines, not in this one; the newline is refused by name all the same.
  if (!pattern.test(value) || /\s$/.test(value)) {
    throw new PosternError('RELAY_VALUE_UNSAFE', { field, value: JSON.stringify(value).slice(0, 80) });
  }
}

function within(field: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new PosternError('RELAY_VALUE_UNSAFE', { field, value });
  }
}
