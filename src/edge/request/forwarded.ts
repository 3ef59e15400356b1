import type { RequestHead } from './request-head.ts';

/** TEST-NET-1 (RFC 5737): nobody's address. A service that sees it knows that the visitor is remote, and no more. */
const NOBODYS_ADDRESS = '192.0.2.1';

/** What the edge says of the visitor to the service: always all three, because some services refuse a part of them. */
export function stampForwarded(clientText: string, host: string): string {
  const address = clientText === 'unknown' ? NOBODYS_ADDRESS : clientText;
  return `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: ${host}\r\n`;
}

export interface PassedCredentials {
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
}

/** How the body of a request goes to the service. */
export type BodyFraming = 'none' | 'length' | 'chunked';

/**
 * The head of the request as the service gets it.
 * @param forwarded made by `stampForwarded`
 * @param hop the fields of this hop: framing and upgrade, as lines
 */
export function writeServiceHead(
  head: RequestHead,
  host: string,
  forwarded: string,
  credentials: PassedCredentials,
  hop: string,
): string {
  let text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${host}\r\n${head.passed}`;
  if (credentials.cookie !== undefined) text += `Cookie: ${credentials.cookie}\r\n`;
  if (credentials.authorization !== undefined) text += `Authorization: ${credentials.authorization}\r\n`;
  return `${text}${forwarded}${hop}\r\n`;
}

/** A request of these methods without a body says so, or a strict service waits for one (RFC 9110 §8.6). */
const ANNOUNCES_EMPTY_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** The lines that frame the body towards the service. */
export function framingLines(head: RequestHead, framing: BodyFraming): string {
  switch (framing) {
    case 'length':
      return `Content-Length: ${head.contentLength}\r\n`;
    case 'chunked':
      return 'Transfer-Encoding: chunked\r\n';
    case 'none':
      return head.contentLength !== undefined || ANNOUNCES_EMPTY_BODY.has(head.method)
        ? 'Content-Length: 0\r\n'
        : '';
  }
}
