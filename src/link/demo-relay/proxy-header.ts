/** Where a connection comes from and where it arrived. */
export interface ConnectionEnds {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/**
 * The PROXY protocol header, version 1 (proxy-protocol.txt §2.1), as the relay's nginx writes it.
 * @returns one line with its CRLF
 */
export function writeProxyHeader(ends: ConnectionEnds): string {
  const family = ends.remoteAddress.includes(':') ? 'TCP6' : 'TCP4';
  return `PROXY ${family} ${ends.remoteAddress} ${ends.localAddress} ${ends.remotePort} ${ends.localPort}\r\n`;
}
