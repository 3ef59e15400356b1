import type { StoredRecord } from '../../dns/contract.ts';
import { buildCaaRecords, type CaaBinding } from '../../dns/caa/records.ts';
import { findBindingLimits } from '../../dns/caa/standing.ts';
import type { Resource, ResourceId } from '../contract.ts';
import { type RecordSetOptions, recordSetResource } from './dns-record-set.ts';

export interface DnsCaaOptions extends Omit<RecordSetOptions, 'set'> {
  /** Known once the account is made; `undefined` only to take an earlier resource away. */
  readonly binding: CaaBinding | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export const dnsCaaId = (name: string): ResourceId => `dns-caa:${name}`;

/**
 * CAA of a name: binds it to the home's account, so that the relay cannot have a certificate issued although it
 * answers for the name. So they are there before the name leads to the relay, and go after it does no more. `iodef`
 * records of others stay as they are.
 */
export function dnsCaaResource(options: DnsCaaOptions): Resource {
  const { name, binding, lookup, nowMs } = options;
  return recordSetResource(
    { ...options, set: 'caa' },
    {
      id: dnsCaaId(name),
      what: `the CAA records of ${name}`,
      why: "only this home's account may have a certificate issued; not the relay",
      dependsOn: [],
      wanted: binding ? buildCaaRecords(binding) : [],
      covers: ({ data }) => data.type === 'CAA' && data.tag !== 'iodef',
      visible: [{ type: 'CAA', isExact: false }],
      settle: (_, all) => Promise.resolve(settleAlias(name, all)),
      notes: async () => (binding ? findBindingLimits({ lookup, name, issuer: binding.issuer, nowMs }) : []),
    },
  );
}

/** Nothing stands beside a CNAME (RFC 1034 §3.6.2): so there is nothing that could be done. */
function settleAlias(name: string, all: readonly StoredRecord[]): readonly string[] | undefined {
  const alias = all.find(({ data }) => data.type === 'CNAME');
  return alias?.data.type === 'CNAME'
    ? [
        `${name} is an alias (CNAME) of ${alias.data.target} and cannot carry CAA records: the relay could have a certificate issued for it. Give it A and AAAA records instead.`,
      ]
    : undefined;
}
