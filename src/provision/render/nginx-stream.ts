import { MARKER, NGINX_NAMES_FOLDER, NGINX_STREAM_FOLDER, socketOf } from '../../core/relay-layout.ts';
import { listenBoth, nginxIdOf } from './nginx-names.ts';
import type { RelayInput } from './relay-input.ts';

/** The socket behind which nginx ends TLS for `tls: relay` names when the same port also carries `tls: home` names. */
export const SITES_SOCKET_FOLDER = '/run/nginx-postern';
export const SITES_SOCKET = `${SITES_SOCKET_FOLDER}/https.sock`;

/** nginx allows one `stream` block in all: ours only includes. */
export function streamEntry(): string {
  return `# ${MARKER}\nstream { include ${NGINX_STREAM_FOLDER}/*.conf; }\n`;
}

/** Shared by all homes of a relay: which name goes where. No name, or another one: nothing to connect to, closed. */
export function streamNames(): string {
  return `# ${MARKER}
limit_conn_zone $binary_remote_addr zone=postern:1m;
map_hash_bucket_size 512;
map $ssl_preread_server_name $postern_to {
    default "";
    include ${NGINX_NAMES_FOLDER}/*.map;
}
`;
}

/** Shared by all homes of a relay that use this port. */
export function streamListen(port: number): string {
  return `# ${MARKER}
server {
${listenBoth(port)}
    ssl_preread on;
    preread_timeout 5s;
    preread_buffer_size 16k;
    limit_conn postern 40;
    limit_conn_log_level info;
    proxy_pass $postern_to;
    proxy_protocol on;
    proxy_connect_timeout 1s;
    proxy_next_upstream on;
    proxy_next_upstream_tries 3;
    proxy_timeout 1h;
    proxy_socket_keepalive on;
}
`;
}

/**
 * One home's sockets. `max_fails=0`: a refused unix socket is instant, and an upstream that is "down" for a while
 * would turn the death of one connection into an outage.
 */
export function streamUpstream(input: RelayInput): string {
  const id = nginxIdOf(input.home);
  const sites =
    input.sites.length === 0 ? '' : `upstream ${id}_sites {\n    server unix:${SITES_SOCKET};\n}\n`;
  return `# ${MARKER}: ${input.home}
upstream ${id} {
${upstreamServers(input, 'tls')}
}
${sites}`;
}

/** One home's names in the shared map. */
export function streamMap(input: RelayInput): string {
  const id = nginxIdOf(input.home);
  const lines = [
    ...input.homeNames.map((name) => `${name} ${id};`),
    ...input.sites.map((site) => `${site.name} ${id}_sites;`),
  ];
  return `# ${MARKER}: ${input.home}\n${lines.join('\n')}\n`;
}

export function upstreamServers(input: RelayInput, lane: 'tls' | 'http'): string {
  return Array.from(
    { length: input.connections },
    (_, index) => `    server unix:${socketOf(input.home, index + 1, lane)} max_fails=0;`,
  ).join('\n');
}
