import { PosternError } from '../../core/errors/index.ts';
import type { Lookup } from '../lookup/lookup.ts';
import { renderData } from '../record-data.ts';
import { type WaitOptions, waitUntilVisible } from '../visibility.ts';
import { type CaaAnswers, evaluateCaa } from './evaluate.ts';
import { type IssueValue, parseIssueValue } from './issue-value.ts';
import { lookUpCaa } from './look-up.ts';
import { type CaaBinding, buildCaaRecords, honoursAccountBinding } from './records.ts';

export interface BindingLimitsInput {
  readonly lookup: Lookup;
  readonly name: string;
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** What the binding of a name to an account rests on, as far as it is weaker than it could be; a sentence each. */
export async function findBindingLimits(input: BindingLimitsInput): Promise<readonly string[]> {
  const { lookup, name, issuer, nowMs } = input;
  const limits: string[] = [];
  const zone = await lookup.findAuthorities(name).catch(ignoreLookup);
  const isSigned = zone && (await lookup.isSigned(zone.zone));
  if (isSigned === false) {
    limits.push(
      `${zone?.zone} is not signed by DNSSEC: the CAA records of ${name} hold as long as nobody forges DNS answers for the authority.`,
    );
  } else if (isSigned === undefined) {
    limits.push(`Whether the zone of ${name} is signed by DNSSEC could not be found out.`);
  }
  if (honoursAccountBinding(issuer, nowMs) === undefined) {
    limits.push(
      `${issuer} is not known to honour accounturi yet (RFC 8657): every authority must from 2027-03-15. Until then another account there could have a certificate issued.`,
    );
  }
  return limits;
}

function ignoreLookup(error: unknown): undefined {
  if (!(error instanceof PosternError)) throw error;
  return undefined;
}

/** Whether a name is bound to an account, as the world sees it. */
export interface CaaStanding {
  /**
   * `bound`    the account may have certificates issued by the named methods, and no other account may
   * `open`     others may too: the records are missing, others decide, or the servers disagree
   * `refused`  the account itself may not: an order would fail
   */
  readonly kind: 'bound' | 'open' | 'refused';
  /** One sentence. */
  readonly reason: string;
}

/**
 * Judges what the authoritative servers show now: by RFC 8659 and 8657, for the account and for a stranger.
 * @throws DNS_ZONE_UNKNOWN, DNS_LOOKUP_FAILED
 */
export async function judgeCaaStanding(
  lookup: Lookup,
  name: string,
  binding: CaaBinding,
): Promise<CaaStanding> {
  const answers = await lookUpCaa(lookup, name);
  const methods = binding.methods ?? ['tls-alpn-01'];
  const request = {
    name,
    isWildcard: false,
    issuers: [binding.issuer],
    accountUri: binding.accountUri,
    method: methods[0] ?? '',
  };
  const own = evaluateCaa(request, answers);
  if (!own.isPermitted) return { kind: 'refused', reason: own.reason };
  const strangers = [
    { ...request, accountUri: `${binding.accountUri}-stranger` },
    { ...request, accountUri: `${binding.accountUri}-stranger`, isWildcard: true },
    ...METHODS.filter((method) => !methods.includes(method)).map((method) => ({ ...request, method })),
  ];
  const open = strangers
    .map((stranger) => evaluateCaa(stranger, answers))
    .find(({ isPermitted }) => isPermitted);
  const other = findOtherAccount(answers, binding);
  if (open || other !== undefined) return { kind: 'open', reason: open?.reason ?? other ?? '' };
  return { kind: 'bound', reason: own.reason };
}

/** Every value of issue and issuewild that was seen. */
function readValues(answers: CaaAnswers): readonly IssueValue[] {
  return [...answers.values()]
    .flatMap((answer) => (answer.kind === 'records' ? answer.properties : []))
    .filter(({ tag }) => tag === 'issue' || tag === 'issuewild')
    .map(({ value }) => parseIssueValue(value))
    .filter(({ issuer }) => issuer !== '');
}

/** An authority or account besides ours that is let in by name. */
function findOtherAccount(answers: CaaAnswers, { issuer, accountUri }: CaaBinding): string | undefined {
  const other = readValues(answers).find(
    (value) =>
      value.issuer !== issuer.toLowerCase() ||
      !value.parameters.some(({ tag, value: uri }) => tag === 'accounturi' && uri === accountUri),
  );
  return other && `another account or authority is named too: ${other.issuer}`;
}

/** The ways in which control of a name is proven to an authority (RFC 8555 §8, RFC 8737). */
const METHODS = ['http-01', 'dns-01', 'tls-alpn-01'];

/**
 * The step between account and first certificate: waits until every authoritative server shows the records, then judges
 * them as an authority would. The order is account → CAA → this → certificate.
 * @throws DNS_NOT_VISIBLE, DNS_ZONE_UNKNOWN, DNS_LOOKUP_FAILED
 */
export async function awaitCaaBinding(
  name: string,
  binding: CaaBinding,
  options: WaitOptions,
): Promise<CaaStanding> {
  const records = buildCaaRecords(binding);
  await waitUntilVisible({ name, type: 'CAA', records, isExact: false }, options);
  return judgeCaaStanding(options.lookup, name, binding);
}

/** For a person who sets the records: what to add as the second step, once the account is known. */
export function renderCaaAdvice(name: string, binding: CaaBinding): readonly string[] {
  return [
    `Add these records for ${name} at your DNS provider, so that the relay cannot have a certificate issued:`,
    ...buildCaaRecords(binding).map((data) => `  ${name}.  300  IN  ${renderData(data)}`),
  ];
}
