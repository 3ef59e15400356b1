import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http2';
import {
  type HeadLimits,
  type HeadRefusal,
  type RequestHead,
  readRequestHead,
} from '../request/request-head.ts';

/** The head of a stream, as one of HTTP/1.1. */
export interface Http2Head {
  readonly request: RequestHead;
  /** An extended CONNECT for a WebSocket (RFC 8441); the request is the GET that the service gets. */
  readonly isWebSocket: boolean;
}

/**
 * Reads the head of an HTTP/2 stream. nghttp2 has judged it by RFC 9113 §8 (pseudo fields, forbidden fields, characters);
 * here it becomes what HTTP/1.1 can say without another meaning.
 * @returns the status of the refusal when it cannot
 */
export function readHttp2Head(
  headers: IncomingHttpHeaders,
  rawFields: readonly string[],
  limits: HeadLimits,
): Http2Head | HeadRefusal {
  const method = headers[':method'] ?? '';
  const isConnect = method === 'CONNECT';
  const isWebSocket = isConnect && headers[':protocol'] === 'websocket';
  if (isConnect && !isWebSocket) return 400;
  if (!/^[A-Z][A-Z-]{0,30}$/.test(method) || headers[':scheme'] !== 'https') return 400;
  const head = readRequestHead(isWebSocket ? 'GET' : method, headers[':path'] ?? '', rawFields, true, limits);
  if (typeof head === 'number') return head;
  const authority = headers[':authority'];
  if (authority !== undefined && head.host !== undefined && head.host !== authority) return 400;
  head.host = authority ?? head.host;
  if (head.transferEncoding !== undefined || head.upgrade !== undefined || head.connection !== undefined)
    return 400;
  if (isWebSocket) prepareWebSocket(head);
  return { request: head, isWebSocket };
}

/** HTTP/2 needs no key; the service does. It is kept among the raw fields, where the answer is checked against it. */
function prepareWebSocket(head: RequestHead): void {
  const key = randomBytes(16).toString('base64');
  head.passed += `Sec-WebSocket-Key: ${key}\r\n`;
  head.webSocketKey = key;
}
