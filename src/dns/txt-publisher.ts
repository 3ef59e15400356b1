import type { Clock } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { DnsProvider, TxtPublisher } from './contract.ts';
import type { Lookup } from './lookup/lookup.ts';
import { checkName } from './names.ts';
import { waitUntilVisible } from './visibility.ts';

export interface TxtPublisherOptions {
  readonly provider: DnsProvider;
  readonly lookup: Lookup;
  readonly clock: Clock;
  /** How long every authoritative server may take. Default 300 000; a person gets 600 000. */
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

const CHALLENGE_TTL_SECONDS = 60;
const COMMENT = 'postern: certificate challenge';
const MAX_ALIASES = 8;

/** DNS-01's hands (RFC 8555 §8.4): adds and removes single TXT values, whatever else the name holds. */
export function openTxtPublisher(options: TxtPublisherOptions): TxtPublisher {
  const { provider, lookup } = options;
  return {
    async publishTxt(name, value, signal) {
      const target = await followAliases(lookup, checkName(name));
      const data = { type: 'TXT', text: value } as const;
      await provider.createRecord({ name: target, ttlSeconds: CHALLENGE_TTL_SECONDS, data }, COMMENT);
      await waitUntilVisible(
        { name: target, type: 'TXT', records: [data], isExact: false },
        { ...options, timeoutMs: options.timeoutMs ?? (provider.isManual ? 600_000 : 300_000), signal },
      );
    },
    async removeTxt(name, value) {
      const target = await followAliases(lookup, checkName(name));
      const records = await provider.listRecords(target);
      const ours = records.filter(({ data }) => data.type === 'TXT' && data.text === value);
      for (const record of ours) await provider.deleteRecord(record);
    },
  };
}

/** Where the records of a name really stand: `_acme-challenge` is often an alias into a zone made for it. */
async function followAliases(lookup: Lookup, start: string): Promise<string> {
  let name = start;
  for (let steps = 0; steps < MAX_ALIASES; steps += 1) {
    const answer = await lookup.askResolver(name, 'CNAME');
    if (answer.kind === 'failed')
      throw new PosternError('DNS_LOOKUP_FAILED', { name, reason: answer.reason });
    const target = answer.kind === 'alias' ? answer.target : undefined;
    if (target === undefined) return name;
    name = target;
  }
  throw new PosternError('DNS_LOOKUP_FAILED', { name: start, reason: 'a chain of aliases without an end' });
}
