import { posix } from 'node:path';
import type { Config } from '../config/schema.ts';
import { PosternError } from '../core/errors/index.ts';
import { SESSION_SCRIPT, authorizedKeysOf, sshdConfigOf } from '../core/relay-layout.ts';
import type { Catalogue, Obstacle, Resource } from './contract.ts';
import { type RelayFile, relayFiles } from './render/relay-files.ts';
import { type RelayInput, relayInputOf } from './render/relay-input.ts';
import { accountResource } from './resources/account.ts';
import { type FileSetState, fileSet } from './resources/file-set.ts';
import { httpRedirectResource, nginxStreamResource } from './resources/nginx.ts';
import { packagesResource } from './resources/packages.ts';
import { sshdResource } from './resources/sshd.ts';
import { stateFolderResource } from './resources/state-folder.ts';

export interface CatalogueOptions {
  readonly config: Config;
  /** A line of the link's `.pub` file. */
  readonly publicKey: string;
  /** Until a change of sshd that nobody proves is taken back. Default 120. */
  readonly windowSeconds?: number;
}

/**
 * Everything that the configuration wants on the relay. Pure.
 * @throws PROVISION_NOT_SUPPORTED, RELAY_VALUE_UNSAFE
 */
export function relayCatalogue({ config, publicKey, windowSeconds }: CatalogueOptions): Catalogue {
  refuseUnsupported(config);
  const input = relayInputOf(config, publicKey);
  const files = relayFiles(input);
  const fileAt = (path: string): RelayFile => files.find((file) => file.path === path) as RelayFile;
  const nginx = { ...input, files, connections: config.link.connections };
  const resources: readonly Resource[] = [
    packagesResource(),
    sessionScriptResource(input, fileAt(SESSION_SCRIPT)),
    accountResource(input.home),
    authorizedKeyResource(input, fileAt(authorizedKeysOf(input.home))),
    stateFolderResource(input.home, input.nginxGroup),
    sshdResource({
      home: input.home,
      file: fileAt(sshdConfigOf(input.home)),
      operator: config.relay.user ?? 'root',
      ...(windowSeconds === undefined ? {} : { windowSeconds }),
    }),
    nginxStreamResource(nginx),
    httpRedirectResource(nginx),
  ];
  return { resources, revive: (id) => resources.find((resource) => resource.id === id) };
}

function refuseUnsupported(config: Config): void {
  const reason =
    config.relay.forward === 'port'
      ? 'forward: port needs no root on the relay, so there is nothing to apply'
      : config.relay.account !== undefined && config.relay.account !== `postern-${config.home}`
        ? 'relay.account names another account than the one that Postern makes'
        : config.services.some(({ tls }) => tls === 'relay')
          ? 'a service has tls: relay'
          : undefined;
  if (reason !== undefined) throw new PosternError('PROVISION_NOT_SUPPORTED', { reason });
}

function sessionScriptResource(input: RelayInput, file: RelayFile): Resource {
  return fileSet({
    id: 'session-script',
    what: 'the session script',
    why: 'answers heartbeats, ends dead sessions; the only program that the account can start',
    dependsOn: [],
    home: input.home,
    ownKeyFile: authorizedKeysOf(input.home),
    files: [file],
    folders: [posix.dirname(SESSION_SCRIPT)],
  });
}

function authorizedKeyResource(input: RelayInput, file: RelayFile): Resource {
  return fileSet({
    id: 'authorized-key',
    what: "the link's public key",
    why: 'lets this home in, with nothing but the session script',
    dependsOn: ['account'],
    home: input.home,
    ownKeyFile: authorizedKeysOf(input.home),
    files: [file],
    folders: [posix.dirname(file.path)],
    inspect: async (_shell, state) => ({ obstacles: otherHomeObstacle(input, state) }),
  });
}

/** Our mark with another key: two homes that call themselves the same, or a home that lost its key. */
function otherHomeObstacle(input: RelayInput, state: FileSetState): Obstacle[] {
  const there = state.files[authorizedKeysOf(input.home)];
  const text = there ? Buffer.from(there.base64, 'base64').toString('utf8') : '';
  if (text === '' || text.includes(input.publicKey)) return [];
  return [
    {
      sentence: `Another key is in place for the home ${input.home}: another machine of that ID, or an earlier key of this one`,
      lines: [
        'If it was this machine: postern apply --adopt authorized-key',
        'Otherwise choose another ID in postern.yaml (home: …).',
      ],
      canAdopt: true,
    },
  ];
}
