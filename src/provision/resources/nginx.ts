import { PosternError } from '../../core/errors/index.ts';
import {
  NGINX_NAMES_FOLDER,
  NGINX_STREAM_ENTRY,
  NGINX_STREAM_FOLDER,
  authorizedKeysOf,
} from '../../core/relay-layout.ts';
import type { Observed, Resource, World } from '../contract.ts';
import {
  type NginxView,
  ceilingNote,
  foreignStream,
  otherPortNotes,
  portObstacles,
  streamObstacles,
  unboundPorts,
  viewOf,
} from '../read/nginx-view.ts';
import { readSections, runStep } from '../remote/parse.ts';
import { PUT_FILES } from '../remote/scripts/files.ts';
import { PLACE_NGINX, READ_NGINX } from '../remote/scripts/nginx.ts';
import type { Shell } from '../remote/shell.ts';
import type { RelayFile } from '../render/relay-files.ts';
import { type FileSetOptions, type FileSetTarget, fileSet, isOurs } from './file-set.ts';

export interface NginxOptions {
  readonly home: string;
  readonly files: readonly RelayFile[];
  readonly httpsPort: number;
  readonly connections: number;
  readonly nginxGroup: string;
}

/** `tls: home`: nginx reads the name of a TLS connection and hands it to the link, unread. */
export function nginxStreamResource(options: NginxOptions): Resource {
  const { home, files, httpsPort, connections } = options;
  return fileSet({
    id: 'nginx-stream',
    what: `nginx on port ${httpsPort}: names to sockets`,
    why: 'visitors reach the link; nginx sees the name and the address, and no content',
    dependsOn: ['packages', 'state-folder', 'sshd'],
    home,
    ownKeyFile: authorizedKeysOf(home),
    files: files.filter(({ path }) => isStreamFile(path)),
    folders: [NGINX_STREAM_FOLDER, NGINX_NAMES_FOLDER],
    inspect: (shell) => inspectStream(shell, options, connections),
    place: (world, words, target) => placeAndCheck(world, words, target, httpsPort),
  });
}

/** Port 80: our names to https, every other name to nobody. */
export function httpRedirectResource(options: NginxOptions): Resource {
  const { home, files } = options;
  return fileSet({
    id: 'http-redirect',
    what: 'nginx on port 80',
    why: 'sends visitors who type the name without https:// to https',
    dependsOn: ['packages', 'nginx-stream'],
    home,
    ownKeyFile: authorizedKeysOf(home),
    files: files.filter(({ path }) => path.startsWith('/etc/nginx/conf.d/00-postern-')),
    folders: [],
    inspect: async (shell) => {
      const { view, obstacles } = await look(shell, options.nginxGroup);
      return { obstacles: [...obstacles, ...(view === undefined ? [] : portObstacles(view, 80))] };
    },
    place: (world, words, target) => placeAndCheck(world, words, target, 80),
  });
}

function isStreamFile(path: string): boolean {
  return path === NGINX_STREAM_ENTRY || path.startsWith(`${NGINX_STREAM_FOLDER}/`);
}

type Inspection = Awaited<ReturnType<NonNullable<FileSetOptions['inspect']>>>;

async function inspectStream(shell: Shell, options: NginxOptions, connections: number): Promise<Inspection> {
  const { view, obstacles } = await look(shell, options.nginxGroup);
  if (view === undefined) return { obstacles };
  const isIncluded = foreignStream(view)?.includesOurs === true;
  return {
    obstacles: [...obstacles, ...streamObstacles(view, options.httpsPort)],
    notes: [ceilingNote(view, connections), ...otherPortNotes(view, options.httpsPort)],
    satisfied: isIncluded ? [NGINX_STREAM_ENTRY] : [],
  };
}

interface Look extends Pick<Observed, 'obstacles'> {
  /** `undefined`: there is no nginx yet. */
  readonly view: NginxView | undefined;
  readonly sockets: string;
  readonly obstacles: NonNullable<Observed['obstacles']>;
}

async function look(shell: Shell, group: string): Promise<Look> {
  const text = await runStep(shell, READ_NGINX, [group]);
  const answer = readSections(text, ['program', 'test', 'sockets', 'group', 'dump', 'end']);
  if (answer.program.trim() !== 'yes') {
    const view = viewOf('', answer.sockets);
    return { view, sockets: answer.sockets, obstacles: [] };
  }
  const view = viewOf(answer.dump, answer.sockets);
  const isAccepted = /test is successful/.test(answer.test);
  const reason = answer.test.split('\n').find((line) => line.includes('[emerg]')) ?? 'nginx -t fails';
  return {
    view,
    sockets: answer.sockets,
    obstacles: isAccepted
      ? groupObstacle(answer.group.trim() === 'yes', group)
      : [
          {
            sentence: "nginx does not accept the relay's configuration as it is",
            lines: [reason.slice(0, 200)],
            canAdopt: false,
          },
        ],
  };
}

function groupObstacle(isThere: boolean, group: string): Look['obstacles'] {
  if (isThere) return [];
  return [
    {
      sentence: `The relay has no group ${group}, which the workers of nginx should have`,
      lines: ["Look for 'user' in the output of nginx -T, and set relay.nginxGroup in postern.yaml."],
      canAdopt: false,
    },
  ];
}

async function placeAndCheck(
  world: World,
  words: readonly string[],
  { state }: FileSetTarget,
  port: number,
): Promise<void> {
  const shell = await world.relay.shell();
  const hasNginx = (await look(shell, 'root')).view?.directives.length;
  // Packages that are gone, or were never there: files alone are to be put back.
  if (hasNginx === 0 && Object.values(state.files).every((file) => file === null)) {
    await runStep(shell, PUT_FILES, words);
    return;
  }
  // What an owner gets back may serve another port, or none.
  const isServing = Object.values(state.files).some(isOurs);
  await runStep(shell, PLACE_NGINX, [isServing ? String(port) : '', ...words], { timeoutMs: 120_000 });
  const { view, sockets } = await look(shell, 'root');
  const unbound = view === undefined ? [] : unboundPorts(view, sockets);
  if (isServing && unbound.includes(port)) {
    throw new PosternError('PROVISION_NOT_AS_WANTED', { resource: `port ${port}` });
  }
}
