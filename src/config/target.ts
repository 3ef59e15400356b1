/** Where a service listens at home (`edge/contract.ts` has the same shape). */
export type ServiceTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly kind: 'unix'; readonly path: string };

/**
 * Reads `to:`. IPv6 addresses stand in brackets and lose them here; a missing port is the scheme's.
 * @returns `undefined` for what is no such address
 */
export function parseTarget(to: string): ServiceTarget | undefined {
  if (to.startsWith('unix:/')) return { kind: 'unix', path: to.slice(5) };
  const url = URL.parse(to);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') return undefined;
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.port === '0')
    return undefined;
  const tls = url.protocol === 'https:';
  return {
    kind: 'tcp',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
    tls,
  };
}
