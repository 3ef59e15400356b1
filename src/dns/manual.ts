import type { DnsProvider, DnsRecord, RecordType, StoredRecord, TokenReport } from './contract.ts';
import { RECORD_TYPES } from './contract.ts';
import type { AuthorityAnswer, Lookup } from './lookup/lookup.ts';
import { PosternError } from '../core/errors/index.ts';
import { checkName } from './names.ts';
import { keyOf, renderContent, renderData } from './record-data.ts';

export interface ManualOptions {
  readonly lookup: Lookup;
  /** Shows a person what to do, one line each. */
  readonly announce: (lines: readonly string[]) => void;
}

const UNKNOWN_TTL_SECONDS = 300;

/**
 * A person sets the records: every change is told, none is made, and what is there is what the authoritative servers
 * show. Whoever calls waits until it is seen (`waitUntilVisible`).
 */
export function openManual({ lookup, announce }: ManualOptions): DnsProvider {
  return {
    hasComments: false,
    isManual: true,
    describe: () => 'you (dns.provider: manual)',
    checkToken: async (name): Promise<TokenReport> => ({
      zone: (await lookup.findAuthorities(checkName(name))).zone,
      mayEditRecords: undefined,
      excess: [],
      expiresMs: undefined,
    }),
    listRecords: async (name) => listSeen(lookup, checkName(name)),
    createRecord: (record) => {
      announce(['Add this record at your DNS provider:', renderLine(record)]);
      return Promise.resolve(store(record));
    },
    updateRecord: (stored, wanted) => {
      announce([
        'Change this record at your DNS provider:',
        `  from  ${renderLine(stored).trimStart()}`,
        `  to    ${renderLine(wanted).trimStart()}`,
      ]);
      return Promise.resolve(store(wanted));
    },
    deleteRecord: (stored) => {
      announce(['Remove this record at your DNS provider:', renderLine(stored)]);
      return Promise.resolve();
    },
  };
}

/** Everything that any of the authoritative servers shows. @throws DNS_LOOKUP_FAILED when one of them is silent */
async function listSeen(lookup: Lookup, name: string): Promise<readonly StoredRecord[]> {
  const authorities = await lookup.findAuthorities(name);
  const seen = new Map<string, StoredRecord>();
  const answers = await Promise.all(
    RECORD_TYPES.map(async (type) =>
      recordsOf(await lookup.askAuthorities(authorities, name, type), name, type),
    ),
  );
  for (const record of answers.flat()) seen.set(keyOf(record.data), record);
  return [...seen.values()];
}

function recordsOf(
  answers: readonly AuthorityAnswer[],
  name: string,
  type: RecordType,
): readonly StoredRecord[] {
  return answers.flatMap(({ server, answer }): StoredRecord[] => {
    switch (answer.kind) {
      case 'records':
        return answer.records.map(({ data, ttlSeconds }) =>
          store({ name, data, ttlSeconds: ttlSeconds ?? UNKNOWN_TTL_SECONDS }),
        );
      case 'alias':
        return type === 'CNAME'
          ? [store({ name, data: { type, target: answer.target }, ttlSeconds: UNKNOWN_TTL_SECONDS })]
          : [];
      case 'none':
        return [];
      case 'failed':
        throw new PosternError('DNS_LOOKUP_FAILED', { name, reason: `${server}: ${answer.reason}` });
    }
  });
}

/** `  chat.example.com.  300  IN  A  203.0.113.5`: a line of a zone file, which most providers' forms follow. */
const renderLine = ({ name, ttlSeconds, data }: DnsRecord): string =>
  `  ${name}.  ${ttlSeconds}  IN  ${data.type}  ${renderContent(data)}`;

function store({ name, ttlSeconds, data }: DnsRecord): StoredRecord {
  return { id: `${name} ${renderData(data)}`, name, ttlSeconds, data, comment: undefined, isProxied: false };
}
