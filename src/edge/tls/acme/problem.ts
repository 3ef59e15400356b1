import { type ErrorDetails, PosternError } from '../../../core/errors/index.ts';
import { printable } from '../../../core/printable.ts';

/** A problem document (RFC 7807) as RFC 8555 §6.7 uses it. */
export interface AcmeProblem {
  /** Without `urn:ietf:params:acme:error:`; empty when it is none of them. */
  readonly type: string;
  readonly detail: string;
}

const PREFIX = 'urn:ietf:params:acme:error:';
const MAX_DETAIL = 500;

/** Reads a problem out of parsed JSON, whatever that is; what it says is made safe to print. */
export function readProblem(json: unknown): AcmeProblem {
  const { type, detail, subproblems } = (typeof json === 'object' && json !== null ? json : {}) as Record<
    string,
    unknown
  >;
  const name = typeof type === 'string' && type.startsWith(PREFIX) ? type.slice(PREFIX.length) : '';
  const details = [detail, ...(Array.isArray(subproblems) ? subproblems.map(detailOf) : [])];
  const words = details.filter((one): one is string => typeof one === 'string' && one !== '').join('; ');
  return { type: printable(name), detail: printable(words).slice(0, MAX_DETAIL) };
}

function detailOf(subproblem: unknown): unknown {
  return (subproblem as { detail?: unknown } | null)?.detail;
}

/** The authority's words as one of our errors. `retryAfterMs` travels in its details for who plans the next attempt. */
export function errorOfProblem(
  problem: AcmeProblem,
  status: number,
  retryAfterMs: number | undefined,
): PosternError {
  const reason = describeProblem(problem, status);
  const details: ErrorDetails = {
    reason,
    type: problem.type,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  return new PosternError(
    problem.type === 'rateLimited' || status === 429 ? 'ACME_RATE_LIMITED' : 'ACME_REFUSED',
    details,
  );
}

export function describeProblem({ type, detail }: AcmeProblem, status?: number): string {
  const words = [detail, type === '' ? '' : `(${type})`].filter((part) => part !== '').join(' ');
  if (words !== '') return words;
  return status === undefined ? 'it gave no reason' : `it answered with status ${status} and no reason`;
}

/**
 * RFC 9110 §10.2.3: seconds, or a date.
 * @returns milliseconds from now, at least 0; `undefined` when there is none that can be read
 */
export function readRetryAfter(field: string | undefined, nowMs: number): number | undefined {
  if (field === undefined) return undefined;
  if (/^\d{1,9}$/.test(field)) return Number(field) * 1000;
  const atMs = field.endsWith(' GMT') ? Date.parse(field) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
