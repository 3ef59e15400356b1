import { printable } from '../../../core/printable.ts';
import { type AcmeClient, odd } from './client.ts';

/** When an authority would like a certificate to be renewed (RFC 9773 §4.2). Milliseconds since 1970. */
export interface RenewalWindow {
  readonly startMs: number;
  readonly endMs: number;
}

export interface RenewalInfo {
  readonly window: RenewalWindow;
  /** A page that says why, such as a revocation of many. */
  readonly explanation: string | undefined;
  /** When to ask again, milliseconds from now. */
  readonly askAgainMs: number;
}

const MINUTE_MS = 60_000;
/** RFC 9773 §4.3.2: bounds that keep a mistake in Retry-After from asking all the time, or never. */
const ASK_AT_MOST_EVERY_MS = MINUTE_MS;
const ASK_AT_LEAST_EVERY_MS = 24 * 60 * MINUTE_MS;
const ASK_DEFAULT_MS = 6 * 60 * MINUTE_MS;

/**
 * Asks the authority when a certificate should be renewed.
 * @returns `undefined` when the authority does not say, or the certificate cannot be named
 * @throws ACME_UNREACHABLE, ACME_REFUSED, ACME_RATE_LIMITED, ACME_ANSWER_ODD
 */
export async function fetchRenewalInfo(
  client: AcmeClient,
  chainPem: string,
): Promise<RenewalInfo | undefined> {
  const { renewalInfo } = await client.directory();
  if (renewalInfo === undefined) return undefined;
  const { certificateIdOf } = await import('./certificate-id.ts');
  const id = certificateIdOf(chainPem);
  if (id === undefined) return undefined;
  const url = `${renewalInfo.replace(/\/$/, '')}/${id}`;
  const { json, retryAfterMs } = await client.get(url);
  const window = readWindow(json['suggestedWindow']);
  if (!window) throw odd(url, 'it suggests no window');
  const explanation = json['explanationURL'];
  return {
    window,
    explanation: typeof explanation === 'string' ? printable(explanation) : undefined,
    askAgainMs: Math.min(
      ASK_AT_LEAST_EVERY_MS,
      Math.max(ASK_AT_MOST_EVERY_MS, retryAfterMs ?? ASK_DEFAULT_MS),
    ),
  };
}

/** RFC 9773 §4.2: two RFC 3339 times; a window that ends before it starts is none. */
function readWindow(value: unknown): RenewalWindow | undefined {
  const { start, end } = (value ?? {}) as { start?: unknown; end?: unknown };
  if (typeof start !== 'string' || typeof end !== 'string') return undefined;
  const window = { startMs: Date.parse(start), endMs: Date.parse(end) };
  return window.startMs < window.endMs ? window : undefined;
}
