import { isJsonObject, parseJsonObject } from './json-object.ts';

/** The gateway speaks first: who has read this has reached it, through every hop between. */
export interface Challenge {
  readonly nonce: string;
  /** The gateway's clock, milliseconds since 1970; what a device signs must be within 120 s of it. */
  readonly atMs: number;
}

/**
 * Reads the first WebSocket message of a gateway (protocol 4: event `connect.challenge`).
 * @param text the message; the gateway sends text frames
 * @returns `undefined` when that is no gateway
 */
export function readChallenge(text: string): Challenge | undefined {
  const frame = parseJsonObject(text);
  if (frame?.['type'] !== 'event' || frame['event'] !== 'connect.challenge') return undefined;
  const payload = frame['payload'];
  if (!isJsonObject(payload)) return undefined;
  const { nonce, ts } = payload;
  if (typeof nonce !== 'string' || nonce === '' || typeof ts !== 'number') return undefined;
  return { nonce, atMs: ts };
}
