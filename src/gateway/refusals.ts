import { isJsonObject, parseJsonObject } from './json-object.ts';

/** What a gateway's refusal means to the person in front of it. */
export interface Refusal {
  /** Why, one sentence without final stop. */
  readonly cause: string;
  /** What to do, with the command where there is one. */
  readonly cure: string;
  /** `wait`: the same attempt may pass later by itself; `stop`: only after the cure. */
  readonly next: 'wait' | 'stop';
}

const NEW_SIGN_IN = 'Open the page anew and enter the gateway token (gateway.auth.token).';
const SIGN_AGAIN = 'Update the client; it must sign the challenge of this very connection.';

/** Keyed by `error.details.code`; where there is none by the reason, the error type of the HTTP answer or `error.code`. */
const REFUSALS = {
  PAIRING_REQUIRED: {
    cause: 'This device is not paired with the gateway, or asks for more than it was given',
    cure: 'On the gateway: openclaw devices list, then openclaw devices approve REQUEST',
    next: 'wait',
  },
  DEVICE_IDENTITY_REQUIRED: {
    cause: 'The client showed neither a device nor a usable secret',
    cure: NEW_SIGN_IN,
    next: 'stop',
  },
  CONTROL_UI_DEVICE_IDENTITY_REQUIRED: {
    cause: 'The page connected without a device identity',
    cure: 'Open it over https and allow it to store data.',
    next: 'stop',
  },
  CONTROL_UI_ORIGIN_NOT_ALLOWED: {
    cause: 'The gateway does not know the origin of this page',
    cure: `openclaw config set gateway.controlUi.allowedOrigins '["https://NAME"]'`,
    next: 'stop',
  },
  proxy_attribution_required: {
    cause: 'The gateway does not know the edge as its proxy',
    cure: `openclaw config set gateway.trustedProxies '["127.0.0.1","::1"]'`,
    next: 'stop',
  },
  AUTH_TOKEN_MISSING: { cause: 'The gateway token is missing', cure: NEW_SIGN_IN, next: 'stop' },
  AUTH_TOKEN_MISMATCH: { cause: 'The gateway token is wrong', cure: NEW_SIGN_IN, next: 'stop' },
  AUTH_PASSWORD_MISSING: { cause: 'The gateway password is missing', cure: NEW_SIGN_IN, next: 'stop' },
  AUTH_PASSWORD_MISMATCH: { cause: 'The gateway password is wrong', cure: NEW_SIGN_IN, next: 'stop' },
  AUTH_DEVICE_TOKEN_MISMATCH: {
    cause: 'The token of this device was rotated or revoked',
    cure: NEW_SIGN_IN,
    next: 'stop',
  },
  AUTH_BOOTSTRAP_TOKEN_INVALID: {
    cause: 'The setup code was used before or is older than ten minutes',
    cure: 'Make a new one: openclaw qr',
    next: 'stop',
  },
  AUTH_RATE_LIMITED: {
    cause: 'Too many failed attempts from this address',
    cure: 'Wait five minutes.',
    next: 'wait',
  },
  AUTH_UNAUTHORIZED: {
    cause: 'The gateway is in trusted-proxy mode and does not accept this user',
    cure: `Postern does not name users to the gateway: openclaw config set gateway.auth.mode token`,
    next: 'stop',
  },
  AUTH_IDENTITY_HEADER_REQUIRED: {
    cause: 'The gateway is in trusted-proxy mode and waits for a header that names the user',
    cure: `Postern does not name users to the gateway: openclaw config set gateway.auth.mode token`,
    next: 'stop',
  },
  DEVICE_AUTH_SIGNATURE_INVALID: {
    cause: 'The signature of the device is wrong',
    cure: SIGN_AGAIN,
    next: 'stop',
  },
  DEVICE_AUTH_SIGNATURE_EXPIRED: {
    cause: 'The clocks of device and gateway are more than two minutes apart',
    cure: 'Set the clock of the device.',
    next: 'stop',
  },
  DEVICE_AUTH_NONCE_MISMATCH: {
    cause: 'The device signed the challenge of another connection',
    cure: SIGN_AGAIN,
    next: 'stop',
  },
  DEVICE_AUTH_DEVICE_ID_MISMATCH: {
    cause: 'The ID of the device does not belong to its key',
    cure: SIGN_AGAIN,
    next: 'stop',
  },
  PROTOCOL_MISMATCH: {
    cause: 'Client and gateway speak different versions of the protocol',
    cure: 'Load the page anew; if that does not help, update the older one of the two.',
    next: 'stop',
  },
  MISSING_SCOPE: {
    cause: 'The device was not given the scope that this needs',
    cure: 'On the gateway: openclaw devices list shows what it has; approve the wider request.',
    next: 'stop',
  },
  'startup-sidecars': { cause: 'The gateway is still starting', cure: 'Wait a few seconds.', next: 'wait' },
} as const satisfies Record<string, Refusal>;

export type RefusalCode = keyof typeof REFUSALS;

export function describeRefusal(code: RefusalCode): Refusal {
  return REFUSALS[code];
}

/**
 * The code of a refusal, out of a response frame (`{"type":"res","ok":false,…}`) or the body of a refused upgrade.
 * @param text the frame or the body
 * @returns `undefined`: no refusal, or none that is known
 */
export function readRefusal(text: string): RefusalCode | undefined {
  const frame = parseJsonObject(text);
  const error = frame?.['error'];
  if (frame?.['ok'] === true || !isJsonObject(error)) return undefined;
  const details = isJsonObject(error['details']) ? error['details'] : {};
  return [details['code'], details['reason'], error['type']].find(isRefusalCode);
}

function isRefusalCode(value: unknown): value is RefusalCode {
  return typeof value === 'string' && Object.hasOwn(REFUSALS, value);
}
