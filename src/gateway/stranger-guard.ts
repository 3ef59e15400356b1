import { PosternError } from '../core/errors/index.ts';
import { readChallenge } from './challenge.ts';
import { type JsonObject, isJsonObject, parseJsonObject } from './json-object.ts';
import { describeProxySettings } from './settings.ts';

/** What the guard asks for, stamped by the edge exactly as a stranger's request and without credentials. */
export const READINESS_PATH = '/readyz';
/** Where its WebSocket is. */
export const HANDSHAKE_PATH = '/';

/** An HTTP answer, as far as it counts here. */
export interface PlainAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * open  the gateway sees a remote visitor in what the edge passes on
 * shut  it does not, or it cannot be told; `error` says why and what cures it; `retry`: it will pass by itself
 */
export type GuardVerdict =
  | { readonly kind: 'open' }
  | { readonly kind: 'shut'; readonly error: PosternError; readonly retry: boolean };

/**
 * Judges a gateway by how it answers a stranger. To its owner (a loopback peer without forwarding headers) it tells
 * more than to a stranger, so an answer with more than the one field shows that it takes strangers for the owner:
 * it would pair their devices without asking, up to admin.
 * @param serviceName public name, for the error
 * @param answer to `GET /readyz`, asked as a stranger
 */
export function judgeStrangerAnswer(serviceName: string, answer: PlainAnswer): GuardVerdict {
  const fields = parseJsonObject(answer.body);
  if (fields === undefined) return unknown(serviceName, `status ${answer.status}, not a JSON object`);
  if (answer.status === 403 && isAttributionRefusal(fields)) return untrustedProxy(serviceName);
  if (answer.status !== 200 && answer.status !== 503) return unknown(serviceName, `status ${answer.status}`);
  if (typeof fields['ready'] !== 'boolean') return unknown(serviceName, 'no field "ready"');
  if (Object.keys(fields).length > 1) return shut('GATEWAY_TRUSTS_STRANGERS', serviceName);
  if (answer.status === 503 && fields['ready'] === false) return shut('GATEWAY_STARTING', serviceName, true);
  if (answer.status === 200 && fields['ready'] === true) return { kind: 'open' };
  return unknown(serviceName, `status ${answer.status} with ready: ${String(fields['ready'])}`);
}

/** What a service said to a WebSocket handshake. */
export interface HandshakeAnswer {
  readonly status: number;
  readonly firstMessage: string | undefined;
}

/**
 * A gateway that is ready also speaks first on a WebSocket, which is what its page and its clients live on.
 * @param answer to a handshake on `/`, asked as a stranger
 */
export function judgeHandshake(serviceName: string, answer: HandshakeAnswer): GuardVerdict {
  if (answer.status !== 101) return unknown(serviceName, `status ${answer.status} to a WebSocket`);
  if (answer.firstMessage === undefined || readChallenge(answer.firstMessage) === undefined) {
    return unknown(serviceName, 'no challenge on its WebSocket');
  }
  return { kind: 'open' };
}

function shut(
  code: 'GATEWAY_TRUSTS_STRANGERS' | 'GATEWAY_STARTING',
  service: string,
  retry = false,
): GuardVerdict {
  return { kind: 'shut', error: new PosternError(code, { service }), retry };
}

function untrustedProxy(service: string): GuardVerdict {
  const details = { service, fix: describeProxySettings(service) };
  return { kind: 'shut', error: new PosternError('GATEWAY_PROXY_UNTRUSTED', details), retry: false };
}

function unknown(service: string, reason: string): GuardVerdict {
  return {
    kind: 'shut',
    error: new PosternError('GATEWAY_ANSWER_UNKNOWN', { service, reason }),
    retry: false,
  };
}

function isAttributionRefusal(fields: JsonObject): boolean {
  const error = fields['error'];
  return isJsonObject(error) && error['type'] === 'proxy_attribution_required';
}
