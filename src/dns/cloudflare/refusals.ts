import { PosternError } from '../../core/errors/index.ts';
import { printable } from '../../core/printable.ts';

/** For screens and errors. */
export const CLOUDFLARE = 'Cloudflare';

/** One entry of `errors` in Cloudflare's envelope. */
export interface CloudflareProblem {
  readonly code: number;
  readonly message: string;
}

/** Cloudflare refused a request: its status and what it said, for those who know what they asked for. */
export class CloudflareRefusal extends Error {
  override readonly name = 'CloudflareRefusal';
  readonly status: number;
  readonly problems: readonly CloudflareProblem[];

  constructor(status: number, problems: readonly CloudflareProblem[]) {
    super(
      problems.map(({ code, message }) => `${printable(message)} (${code})`).join('; ') || `status ${status}`,
    );
    this.status = status;
    this.problems = problems;
  }

  hasCode(codes: ReadonlySet<number>): boolean {
    return this.problems.some(({ code }) => codes.has(code));
  }
}

/** The same record is there already. */
export const SAME_RECORD: ReadonlySet<number> = new Set([81_057, 81_058]);
/** There is no such record. */
export const NO_RECORD: ReadonlySet<number> = new Set([81_044, 1061]);
/** The name holds something that excludes it: a CNAME and anything else. */
const EXCLUDED: ReadonlySet<number> = new Set([81_053, 81_054, 81_055, 81_056, 81_062]);
/**
 * The credentials are wrong, expired, malformed, or not good for this:
 * 1000 invalid token, 6003 and 6111 malformed header, 9103 to 9109 unknown or unauthorised, 10000 and 10001 authentication.
 */
const UNAUTHORISED: ReadonlySet<number> = new Set([1000, 6003, 6111, 9103, 9106, 9107, 9109, 10_000, 10_001]);

/** Do the credentials not reach that far? */
export function isUnauthorised(refusal: CloudflareRefusal): boolean {
  return refusal.status === 401 || refusal.status === 403 || refusal.hasCode(UNAUTHORISED);
}

/** A refused look at something, as an error of the catalogue. */
export function readError(refusal: CloudflareRefusal, zone: string): PosternError {
  if (isUnauthorised(refusal)) {
    return new PosternError(
      'DNS_TOKEN_REFUSED',
      { provider: CLOUDFLARE, reason: refusal.message, zone },
      refusal,
    );
  }
  return new PosternError('DNS_ANSWER_ODD', { provider: CLOUDFLARE, reason: refusal.message }, refusal);
}

/** A refused change of a record, as an error of the catalogue. */
export function changeError(
  refusal: CloudflareRefusal,
  change: { name: string; record: string; zone: string },
): PosternError {
  const { name, record, zone } = change;
  if (isUnauthorised(refusal)) {
    const remedy = `In Cloudflare's dashboard, under My Profile → API Tokens, give it "Zone / DNS / Edit" for ${zone}.`;
    return new PosternError('DNS_TOKEN_TOO_WEAK', { provider: CLOUDFLARE, zone, remedy }, refusal);
  }
  if (refusal.hasCode(EXCLUDED)) {
    return new PosternError('DNS_RECORD_CONFLICT', { name, record, reason: refusal.message }, refusal);
  }
  if (refusal.hasCode(NO_RECORD)) return new PosternError('DNS_RECORD_CHANGED', { name, record }, refusal);
  if (refusal.status >= 400 && refusal.status < 500) {
    return new PosternError(
      'DNS_RECORD_REFUSED',
      { provider: CLOUDFLARE, record, reason: refusal.message },
      refusal,
    );
  }
  return new PosternError('DNS_ANSWER_ODD', { provider: CLOUDFLARE, reason: refusal.message }, refusal);
}
