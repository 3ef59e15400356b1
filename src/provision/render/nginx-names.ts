/** What nginx calls the parts of a home. Its variables and upstreams have no `-`; a home's ID has no `_`, so no two meet. */
export const nginxIdOf = (home: string): string => `postern_${home.replaceAll('-', '_')}`;

/**
 * A `server_name` value. nginx's hash of names has room for about 45 characters by default and refuses to start
 * above that; a regular expression is not in the hash, so long names need no global setting.
 */
export function serverName(name: string): string {
  return name.length <= 40 ? name : `~^${name.replaceAll('.', String.raw`\.`)}$`;
}

/** `listen` lines for both families; on Debian an IPv6 socket of nginx takes no IPv4 connections. */
export function listenBoth(port: number, options = ''): string {
  const tail = options === '' ? '' : ` ${options}`;
  return `    listen ${port}${tail};\n    listen [::]:${port}${tail};`;
}
