/**
 * Where things are on the relay, and what they are called: the one place that the link (which connects to them),
 * the texts of `provision/render` (which make them) and the daemon (which joins both) take them from.
 */

/** A home's ID: 1 to 16 of a-z, 0-9 and -, starting with a letter (config/schema.ts). */
export type HomeId = string;

/** The root-owned script that every session of the link runs: login shell and forced command in one. */
export const SESSION_SCRIPT = '/usr/local/lib/postern/session';

/** Parent of every home's folder of sockets. */
export const STATE_ROOT = '/var/lib/postern';
/** Where certbot's webroot challenges of `tls: relay` names are answered from, on port 80. */
export const ACME_WEBROOT = '/var/lib/postern-acme';

export const accountOf = (home: HomeId): string => `postern-${home}`;
export const stateFolderOf = (home: HomeId): string => `${STATE_ROOT}/${home}`;
export const authorizedKeysOf = (home: HomeId): string => `/etc/ssh/postern/${accountOf(home)}`;
export const sshdConfigOf = (home: HomeId): string => `/etc/ssh/sshd_config.d/00-postern-${home}.conf`;

/** Debian's nginx.conf includes this folder at its top level, so nginx.conf itself stays as it is. */
export const NGINX_STREAM_ENTRY = '/etc/nginx/modules-enabled/99-postern.conf';
/** Parts of our one `stream` block that all homes of a relay share. */
export const NGINX_STREAM_FOLDER = '/etc/nginx/postern.d';
export const NGINX_NAMES_FOLDER = `${NGINX_STREAM_FOLDER}/names`;
export const NGINX_STREAM_SHARED = `${NGINX_STREAM_FOLDER}/00-names.conf`;
export const nginxListenOf = (port: number): string => `${NGINX_STREAM_FOLDER}/listen-${port}.conf`;
export const nginxUpstreamOf = (home: HomeId): string => `${NGINX_STREAM_FOLDER}/${home}.conf`;
export const nginxNamesOf = (home: HomeId): string => `${NGINX_NAMES_FOLDER}/${home}.map`;
export const nginxSiteOf = (home: HomeId): string => `/etc/nginx/conf.d/postern-${home}.conf`;
export const nginxRedirectOf = (home: HomeId): string => `/etc/nginx/conf.d/00-postern-${home}.conf`;

/** Every file of ours begins with this, so that nothing else is ever replaced or removed. */
export const MARKER = 'managed by postern';

/** TLS comes through unread (tls: home), or the relay's nginx ended it (tls: relay). */
export type Lane = 'tls' | 'http';

/** The unix socket of a slot; the link binds it, nginx connects to it. */
export const socketOf = (home: HomeId, slot: number, lane: Lane): string =>
  `${stateFolderOf(home)}/${slot}${lane === 'tls' ? '' : '.http'}.sock`;

/** What the link asks the forced command for. */
export const sessionCommandOf = (slot: number): string => `link ${slot}`;
