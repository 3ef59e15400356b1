import type { CaaProperty } from '../contract.ts';
import { suffixesOf } from '../names.ts';
import { type IssueParameter, parseIssueValue } from './issue-value.ts';

/** Who asks for a certificate, and how. */
export interface IssueRequest {
  /** Without `*.` in front. */
  readonly name: string;
  readonly isWildcard: boolean;
  /** The names by which the authority knows itself in CAA records (RFC 8555 §9.7.6, `caaIdentities`). */
  readonly issuers: readonly string[];
  readonly accountUri: string;
  /** `tls-alpn-01`, `dns-01`, `http-01`. */
  readonly method: string;
}

/** What the DNS says at one name, aliases followed: records, no record, or no answer. */
export type CaaAnswer =
  | { readonly kind: 'records'; readonly properties: readonly CaaProperty[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Answers by name; a name that is missing counts as one that could not be looked up. */
export type CaaAnswers = ReadonlyMap<string, CaaAnswer>;

/** May an authority that keeps to the RFCs issue? */
export interface CaaVerdict {
  readonly isPermitted: boolean;
  /** The name whose records decide; `undefined` when there are none, or the DNS does not answer. */
  readonly decidedAt: string | undefined;
  /** One sentence. */
  readonly reason: string;
}

const CRITICAL = 0x80;
const KNOWN_TAGS = new Set(['issue', 'issuewild', 'iodef']);

/**
 * RFC 8659 as an authority has to apply it, with RFC 8657's `accounturi` and `validationmethods`. Pure.
 * Whatever is malformed, unknown and critical, or not answered, forbids.
 */
export function evaluateCaa(request: IssueRequest, answers: CaaAnswers): CaaVerdict {
  for (const name of suffixesOf(request.name)) {
    const answer = answers.get(name) ?? { kind: 'failed', reason: 'it was not looked up' };
    if (answer.kind === 'failed') {
      return forbid(undefined, `the CAA records of ${name} cannot be looked up: ${answer.reason}`);
    }
    if (answer.kind === 'records' && answer.properties.length > 0) {
      return judgeSet(request, name, answer.properties);
    }
  }
  return {
    isPermitted: true,
    decidedAt: undefined,
    reason: 'there are no CAA records: every authority may issue',
  };
}

function judgeSet(request: IssueRequest, at: string, set: readonly CaaProperty[]): CaaVerdict {
  const unknown = set.find(
    ({ flags, tag }) => (flags & CRITICAL) !== 0 && !KNOWN_TAGS.has(tag.toLowerCase()),
  );
  if (unknown) return forbid(at, `the property ${unknown.tag} of ${at} is critical and unknown`);
  const restrictions = restrictionsFor(request, set);
  if (restrictions.length === 0) {
    return { isPermitted: true, decidedAt: at, reason: `the CAA records of ${at} restrict nobody` };
  }
  const refusals = restrictions.map((value) => whyNot(request, value));
  if (refusals.includes(undefined)) {
    return { isPermitted: true, decidedAt: at, reason: `a CAA record of ${at} permits it` };
  }
  return forbid(at, `${at}: ${refusals.join('; ')}`);
}

/** issuewild, where there is one, decides alone for wildcards; else issue does (RFC 8659 §4.3). */
function restrictionsFor({ isWildcard }: IssueRequest, set: readonly CaaProperty[]): readonly string[] {
  const valuesOf = (wanted: string): string[] =>
    set.filter(({ tag }) => tag.toLowerCase() === wanted).map(({ value }) => value);
  const wild = valuesOf('issuewild');
  return isWildcard && wild.length > 0 ? wild : valuesOf('issue');
}

/** Why this value does not let the request through; `undefined` when it does. */
function whyNot(request: IssueRequest, text: string): string | undefined {
  const { issuer, parameters } = parseIssueValue(text);
  if (issuer === '') return 'nobody may issue';
  if (!request.issuers.some((name) => name.toLowerCase() === issuer)) return `only ${issuer} may issue`;
  return whyNotAccount(parameters, request.accountUri) ?? whyNotMethod(parameters, request.method);
}

/** RFC 8657 §3: no parameter binds nobody; two of them can never be met; URIs are the same when their letters are. */
function whyNotAccount(parameters: readonly IssueParameter[], accountUri: string): string | undefined {
  const uris = parameters.filter(({ tag }) => tag === 'accounturi');
  if (uris.length === 0) return undefined;
  if (uris.length > 1) return 'accounturi stands there twice';
  return uris[0]?.value === accountUri && accountUri !== '' ? undefined : 'another account is named';
}

const METHOD_LIST = /^[A-Za-z0-9-]+(?:,[A-Za-z0-9-]+)*$/;

/** RFC 8657 §4: a comma-separated list of method labels; an empty list permits none. */
function whyNotMethod(parameters: readonly IssueParameter[], method: string): string | undefined {
  const lists = parameters.filter(({ tag }) => tag === 'validationmethods');
  if (lists.length === 0) return undefined;
  if (lists.length > 1) return 'validationmethods stands there twice';
  const list = lists[0]?.value ?? '';
  return METHOD_LIST.test(list) && list.split(',').includes(method)
    ? undefined
    : `validation by ${method} is not named`;
}

function forbid(decidedAt: string | undefined, reason: string): CaaVerdict {
  return { isPermitted: false, decidedAt, reason };
}
