import type { CaaProperty } from '../contract.ts';
import type { ServerAnswer } from '../lookup/ask-server.ts';
import type { Authorities } from '../lookup/authorities.ts';
import type { Lookup } from '../lookup/lookup.ts';
import { isWithin, suffixesOf } from '../names.ts';
import type { CaaAnswer, CaaAnswers } from './evaluate.ts';

const MAX_ALIASES = 8;

/**
 * Climbs the tree as an authority does (RFC 8659 §3): from the name upwards until a name has CAA records. Names of the
 * own zone are asked at every authoritative server, and they have to agree; what is above comes from the resolver.
 * @throws DNS_ZONE_UNKNOWN, DNS_LOOKUP_FAILED
 */
export async function lookUpCaa(lookup: Lookup, name: string): Promise<CaaAnswers> {
  const authorities = await lookup.findAuthorities(name);
  const answers = new Map<string, CaaAnswer>();
  for (const suffix of suffixesOf(name)) {
    const answer = await askCaa(lookup, authorities, suffix);
    answers.set(suffix, answer);
    if (answer.kind !== 'none') break;
  }
  return answers;
}

async function askCaa(lookup: Lookup, authorities: Authorities, name: string): Promise<CaaAnswer> {
  if (!isWithin(name, authorities.zone)) return followAliases(lookup, name);
  const answers = await lookup.askAuthorities(authorities, name, 'CAA');
  const texts = new Set(answers.map(({ answer }) => textOf(answer)));
  const [first] = answers;
  if (!first || texts.size > 1) return { kind: 'failed', reason: 'its authoritative servers disagree' };
  return first.answer.kind === 'alias'
    ? followAliases(lookup, first.answer.target)
    : readCaaAnswer(first.answer);
}

/** An alias has the CAA records of its target, and not those above the target (RFC 8659 §3). */
async function followAliases(lookup: Lookup, start: string): Promise<CaaAnswer> {
  let name = start;
  for (let steps = 0; steps < MAX_ALIASES; steps += 1) {
    const answer = await lookup.askResolver(name, 'CAA');
    if (answer.kind !== 'alias') return readCaaAnswer(answer);
    name = answer.target;
  }
  return { kind: 'failed', reason: 'it is a chain of aliases without an end' };
}

function readCaaAnswer(answer: Exclude<ServerAnswer, { kind: 'alias' }>): CaaAnswer {
  if (answer.kind !== 'records') return answer;
  const properties = answer.records.flatMap(({ data }): CaaProperty[] => (data.type === 'CAA' ? [data] : []));
  return { kind: 'records', properties };
}

function textOf(answer: ServerAnswer): string {
  if (answer.kind !== 'records') return JSON.stringify(answer);
  return answer.records
    .map(({ data }) => JSON.stringify(data))
    .toSorted()
    .join();
}
