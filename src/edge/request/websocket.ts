import { createHash } from 'node:crypto';
import type { ResponseHead } from '../proxy/response-head.ts';
import type { RequestHead } from './request-head.ts';

/** RFC 6455 §1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Does Upgrade ask for a WebSocket and nothing else? */
export function asksForWebSocket(upgrade: string | undefined): boolean {
  return upgrade?.toLowerCase() === 'websocket';
}

/** The value of a field that passed, out of the raw fields. */
export function findRawField(rawFields: readonly string[], lowerName: string): string | undefined {
  for (let index = 0; index < rawFields.length; index += 2) {
    if (rawFields[index]?.toLowerCase() === lowerName) return rawFields[index + 1];
  }
  return undefined;
}

/** Is this a handshake that RFC 6455 §4.2.1 allows: GET, no body, a key of 16 bytes, version 13? */
export function isWebSocketHandshake(head: RequestHead): boolean {
  const key = findRawField(head.rawFields, 'sec-websocket-key') ?? '';
  return (
    head.method === 'GET' &&
    !head.hasBody &&
    asksForWebSocket(head.upgrade) &&
    (head.connection ?? '')
      .toLowerCase()
      .split(',')
      .some((token) => token.trim() === 'upgrade') &&
    /^[A-Za-z0-9+/]{22}==$/.test(key) &&
    findRawField(head.rawFields, 'sec-websocket-version') === '13'
  );
}

/** The lines of this hop that ask the service for a WebSocket. */
export const UPGRADE_LINES = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

/** Has the service really agreed (RFC 6455 §4.1)? Otherwise an answer with status 101 could open a way past HTTP. */
export function isAcceptedBy(answer: ResponseHead, key: string): boolean {
  const accept = createHash('sha1').update(`${key}${ACCEPT_GUID}`).digest('base64');
  return (
    asksForWebSocket(answer.upgrade) &&
    (answer.connection ?? '').split(',').some((token) => token.trim() === 'upgrade') &&
    findRawField(answer.fields, 'sec-websocket-accept') === accept
  );
}
