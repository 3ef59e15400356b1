import { NGINX_STREAM_ENTRY, NGINX_STREAM_FOLDER } from '../../core/relay-layout.ts';
import { printable } from '../../core/printable.ts';
import type { Obstacle } from '../contract.ts';
import { matchesGlob } from './glob.ts';
import { type NginxDirective, type NginxListen, listensOf, parseNginxDump } from './nginx-dump.ts';

/** What the relay's nginx does now, out of `nginx -T` and `ss`; hostile text made into a few values. */
export interface NginxView {
  readonly directives: readonly NginxDirective[];
  readonly listens: readonly NginxListen[];
  /** Programs besides nginx on TCP ports. */
  readonly strangers: readonly { readonly port: number; readonly program: string }[];
}

export function viewOf(dump: string, sockets: string): NginxView {
  const directives = parseNginxDump(dump);
  const isStreamFile = streamFilesOf(directives);
  return { directives, listens: listensOf(directives, isStreamFile), strangers: strangersOf(sockets) };
}

/** Files that some `include` inside a `stream` block names, or that such a file includes. */
function streamFilesOf(directives: readonly NginxDirective[]): (file: string) => boolean {
  const patterns = new Set<string>();
  const isNotSlash = (character: string): boolean => character !== '/';
  const isKnown = (file: string): boolean =>
    [...patterns].some((pattern) => matchesGlob(file, pattern, isNotSlash));
  for (let before = -1; before !== patterns.size;) {
    before = patterns.size;
    for (const { name, args, context, file } of directives) {
      if (patterns.size === PATTERNS_MOST) return isKnown;
      if (name !== 'include' || (context[0] !== 'stream' && !isKnown(file))) continue;
      patterns.add(fullPath(args[0] ?? ''));
    }
  }
  return isKnown;
}

/** A path of `include`: relative ones start at nginx's own folder; `*` stops at `/` as in glob(3). */
function fullPath(path: string): string {
  return path.startsWith('/') ? path : `/etc/nginx/${path}`;
}

/** No relay has that many includes in its stream block; a hostile answer may. */
const PATTERNS_MOST = 64;

/** `ss -Hltnp`: the fourth column is the local address, the sixth names the program. */
function strangersOf(sockets: string): NginxView['strangers'] {
  return sockets.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const port = Number(/:(\d{1,5})$/.exec(columns[3] ?? '')?.[1]);
    const program = /"([^"]*)"/.exec(columns.slice(5).join(' '))?.[1] ?? 'an unknown program';
    return Number.isInteger(port) && program !== 'nginx' ? [{ port, program: printable(program, 40) }] : [];
  });
}

/** nginx allows one `stream` block: a foreign one that includes our folder is as good as ours. */
export function foreignStream(
  view: NginxView,
): { readonly place: string; readonly includesOurs: boolean } | undefined {
  const block = view.directives.find(
    ({ name, context, file }) => name === 'stream' && context.length === 0 && file !== NGINX_STREAM_ENTRY,
  );
  if (block === undefined) return undefined;
  const includesOurs = view.directives.some(
    ({ name, args, context, file }) =>
      name === 'include' && context[0] === 'stream' && file !== NGINX_STREAM_ENTRY && args[0] === OUR_INCLUDE,
  );
  return { place: `${block.file}:${block.line}`, includesOurs };
}

const OUR_INCLUDE = `${NGINX_STREAM_FOLDER}/*.conf`;

export function streamObstacles(view: NginxView, port: number): readonly Obstacle[] {
  const foreign = foreignStream(view);
  return [
    ...portObstacles(view, port),
    ...siteObstacles(view, port),
    ...(foreign === undefined || foreign.includesOurs
      ? []
      : [
          {
            sentence: `nginx allows one stream block, and the relay has its own in ${printable(foreign.place, 120)}`,
            lines: [
              'Add this line inside it, then run the same command again:',
              `    include ${OUR_INCLUDE};`,
            ],
            canAdopt: false,
          },
        ]),
  ];
}

/** Another program on a port that nginx needs. */
export function portObstacles(view: NginxView, port: number): readonly Obstacle[] {
  const owner = view.strangers.find((one) => one.port === port);
  if (owner === undefined) return [];
  return [
    {
      sentence: `Port ${port} of the relay belongs to another program: ${owner.program}`,
      lines: [`On the relay: ss -ltnp 'sport = :${port}'`, ...(port === 80 ? [] : [OTHER_PORT])],
      canAdopt: false,
    },
  ];
}

const OTHER_PORT = 'Stop it there, or choose another port in postern.yaml (relay.httpsPort).';

/** `nginx -t` and a reload would call this fine; the next start would fail: http and stream cannot share a port. */
function siteObstacles(view: NginxView, port: number): readonly Obstacle[] {
  const sites = view.listens.filter((listen) => listen.kind === 'http' && listen.port === port);
  if (sites.length === 0) return [];
  return [
    {
      sentence: `Web sites of the relay listen on port ${port}, which visitors of this home need`,
      lines: [
        'These lines would have to move behind a socket of nginx; nothing moves by itself:',
        ...sites
          .slice(0, 6)
          .map(({ file, line, address }) => printable(`    ${file}:${line}  listen ${address}:${port}`)),
        'Choose another port (relay.httpsPort), or tls: relay for the service.',
      ],
      canAdopt: false,
    },
  ];
}

/** Files that one ssh session may have open; visitors beyond wait (docs/performance.md). */
const VISITORS_PER_SESSION = 1000;

/** How many visitors fit, and which line of the relay's own files says so. */
export function ceilingNote(view: NginxView, connections: number): string {
  const limit = view.directives.find(
    ({ name, context }) => name === 'worker_connections' && context[0] === 'events',
  );
  const count = Number(limit?.args[0] ?? 512);
  const where = limit === undefined ? 'its default' : printable(`${limit.file}:${limit.line}`, 120);
  return (
    `About ${Math.floor(count / 2)} visitors at once for each worker of nginx (worker_connections ${count}, ${where}), ` +
    `and ${connections * VISITORS_PER_SESSION} for the link.`
  );
}

/** Files of Postern for another port: another home's, or of an earlier setting of this one. Nobody can tell from here. */
export function otherPortNotes(view: NginxView, port: number): readonly string[] {
  const files = view.listens.flatMap(({ file }) =>
    /^\/etc\/nginx\/postern\.d\/listen-\d{1,5}\.conf$/.test(file) ? [file] : [],
  );
  return [...new Set(files)]
    .filter((file) => !file.endsWith(`/listen-${port}.conf`))
    .map(
      (file) => `${file} is there for another port. If no other home uses it: rm ${file} && nginx -s reload`,
    );
}

/** Ports in the configuration that nginx does not hold: a start from nothing would not get them either. */
export function unboundPorts(view: NginxView, sockets: string): readonly number[] {
  const held = new Set(
    sockets.split('\n').flatMap((line) => {
      const columns = line.trim().split(/\s+/);
      return columns.slice(5).join(' ').includes('"nginx"')
        ? [Number(/:(\d+)$/.exec(columns[3] ?? '')?.[1])]
        : [];
    }),
  );
  const kinds = new Map<number, Set<string>>();
  for (const { port, kind } of view.listens) kinds.set(port, (kinds.get(port) ?? new Set()).add(kind));
  return [...kinds].filter(([port, used]) => !held.has(port) || used.size > 1).map(([port]) => port);
}
