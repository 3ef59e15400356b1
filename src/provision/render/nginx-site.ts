import { MARKER } from '../../core/relay-layout.ts';
import { listenBoth, nginxIdOf, serverName } from './nginx-names.ts';
import { SITES_SOCKET, upstreamServers } from './nginx-stream.ts';
import type { RelayInput, RelaySite } from './relay-input.ts';

/**
 * The site for `tls: relay`: nginx ends TLS and speaks HTTP/1.1 to the edge through the link.
 * Exactly one set of X-Forwarded-* goes on, written here whatever the visitor sent.
 */
export function siteFile(input: RelayInput): string {
  const id = nginxIdOf(input.home);
  const [first] = input.sites;
  if (first === undefined) return '';
  return `# ${MARKER}: ${input.home}
upstream ${id}_http {
${upstreamServers(input, 'http')}
    keepalive 64;
    keepalive_timeout 30s;
}
map $http_upgrade $${id}_connection {
    default upgrade;
    "" "";
}
map "$http_upgrade|$http_accept" $${id}_is_stream {
    default 0;
    "~^[^|]" 1;
    "~*text/event-stream" 1;
}
${strangersServer(input, first)}${input.sites.map((site) => siteServer(input, site)).join('')}`;
}

/** Other names on this port get no answer; the first server of a port is its default. */
function strangersServer(input: RelayInput, first: RelaySite): string {
  return `server {
${listenLines(input)}
    server_name ${nginxIdOf(input.home).replaceAll('_', '-')}.invalid;
${tlsLines(input, first)}
    return 444;
}
`;
}

function siteServer(input: RelayInput, site: RelaySite): string {
  const auth =
    site.basicAuthFile === undefined
      ? ''
      : `    auth_basic "Sign in";\n    auth_basic_user_file ${site.basicAuthFile};\n`;
  return `server {
${listenLines(input)}
    server_name ${serverName(site.name)};
${tlsLines(input, site)}
    server_tokens off;
    gzip off;
    client_max_body_size 0;
    add_header Strict-Transport-Security "max-age=31536000" always;
    proxy_hide_header Strict-Transport-Security;
${auth}${proxyLines(input, site)}
    location / {
        error_page 418 = @stream;
        if ($${nginxIdOf(input.home)}_is_stream) { return 418; }
        proxy_pass http://${nginxIdOf(input.home)}_http;
        proxy_read_timeout 75s;
        proxy_send_timeout 75s;
    }
    location @stream {
        proxy_pass http://${nginxIdOf(input.home)}_http;
        proxy_read_timeout 1h;
        proxy_send_timeout 1h;
    }
}
`;
}

function listenLines(input: RelayInput): string {
  if (input.homeNames.length === 0) return listenBoth(input.httpsPort, 'ssl http2');
  return `    listen unix:${SITES_SOCKET} ssl http2 proxy_protocol;\n    set_real_ip_from unix:;\n    real_ip_header proxy_protocol;`;
}

function tlsLines(input: RelayInput, site: RelaySite): string {
  return `    ssl_certificate ${site.certificate};
    ssl_certificate_key ${site.certificateKey};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:${nginxIdOf(input.home)}:1m;
    ssl_session_timeout 1d;`;
}

/** `Host` is the name itself, never the visitor's text; Basic credentials end here. */
function proxyLines(input: RelayInput, site: RelaySite): string {
  const host = input.httpsPort === 443 ? site.name : `${site.name}:${input.httpsPort}`;
  const headers: readonly (readonly [string, string])[] = [
    ['Host', host],
    ['X-Forwarded-For', '$remote_addr'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', host],
    ['X-Forwarded-Port', String(input.httpsPort)],
    ['X-Real-IP', '""'],
    ['Forwarded', '""'],
    ['Upgrade', '$http_upgrade'],
    ['Connection', `$${nginxIdOf(input.home)}_connection`],
    ...(site.basicAuthFile === undefined ? [] : [['Authorization', '""'] as const]),
  ];
  return `    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_connect_timeout 1s;
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 3;
    proxy_socket_keepalive on;
${headers.map(([name, value]) => `    proxy_set_header ${name} ${value};`).join('\n')}`;
}
