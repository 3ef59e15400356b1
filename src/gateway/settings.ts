/**
 * The settings of the gateway without which nobody gets in through the edge: it must know that the edge on the same
 * machine is a proxy, and which page may open a WebSocket. Both are read again while it runs; no restart is needed.
 * @param origin `https://NAME[:PORT]` as the visitor's address bar shows it
 */
export function proxySettings(origin: string): readonly { readonly key: string; readonly value: string }[] {
  return [
    { key: 'gateway.trustedProxies', value: JSON.stringify(['127.0.0.1', '::1']) },
    { key: 'gateway.controlUi.allowedOrigins', value: JSON.stringify([origin]) },
  ];
}

/** The two commands that make these settings, one in a line. */
export function describeProxySettings(serviceName: string): string {
  return proxySettings(`https://${serviceName}`)
    .map(({ key, value }) => `openclaw config set ${key} '${value}'`)
    .join('\n');
}
