/**
 * Where things are on the relay, and what they are called: the one place that the link (which connects to them),
 * the texts of `provision/render` (which make them) and the daemon (which joins both) take them from.
 */

/** A home's ID: 1 to 16 of a-z, 0-9 and -, starting with a letter (config/schema.ts). */
export type HomeId = string;

/** The root-owned script that every session of the link runs: login shell and forced command in one. */
export const SESSION_SCRIPT = '/usr/local/lib/postern/session';

export const accountOf = (home: HomeId): string => `postern-${home}`;
export const stateFolderOf = (home: HomeId): string => `/var/lib/postern/${home}`;
export const authorizedKeysOf = (home: HomeId): string => `/etc/ssh/postern/${accountOf(home)}`;
export const sshdConfigOf = (home: HomeId): string => `/etc/ssh/sshd_config.d/00-postern-${home}.conf`;

/** TLS comes through unread (tls: home), or the relay's nginx ended it (tls: relay). */
export type Lane = 'tls' | 'http';

/** The unix socket of a slot; the link binds it, nginx connects to it. */
export const socketOf = (home: HomeId, slot: number, lane: Lane): string =>
  `${stateFolderOf(home)}/${slot}${lane === 'tls' ? '' : '.http'}.sock`;

/** What the link asks the forced command for. */
export const sessionCommandOf = (slot: number): string => `link ${slot}`;
