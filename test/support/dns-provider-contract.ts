import { describe, expect, test } from 'vitest';
import type { DnsProvider, RecordData, StoredRecord } from '../../src/dns/contract.ts';

/** A provider with a zone behind it. */
export interface ProviderHarness {
  readonly provider: DnsProvider;
  /** Its zone: `example.test`. */
  readonly zone: string;
  /** Somebody else removes everything of a name. */
  readonly clear: (name: string) => Promise<void>;
  /** Until what was asked for is done, where a person does it. */
  readonly settle: () => Promise<void>;
  /** What must never be shown. */
  readonly secret: string;
}

const A1: RecordData = { type: 'A', address: '203.0.113.5' };
const A2: RecordData = { type: 'A', address: '203.0.113.6' };

const SAMPLES: readonly RecordData[] = [
  A1,
  { type: 'AAAA', address: '2001:db8::5' },
  { type: 'CNAME', target: 'relay.other.test' },
  {
    type: 'CAA',
    flags: 0,
    tag: 'issue',
    value: 'ca.example; accounturi=https://ca.example/1; validationmethods=dns-01',
  },
  { type: 'CAA', flags: 128, tag: 'issuewild', value: ';' },
  { type: 'TXT', text: 'plain' },
  { type: 'TXT', text: 'a "quoted"; semi\\colon \\" \\\\ $( id ) `x` %s' },
  { type: 'TXT', text: `${'long '.repeat(120)}end` },
];

let count = 0;

/** What every provider has to do, whoever holds the records. */
export function describeProviderContract(title: string, harness: () => ProviderHarness): void {
  const freshName = (): string => `n${(count += 1)}.${harness().zone}`;
  const create = async (name: string, data: RecordData): Promise<StoredRecord> => {
    const stored = await harness().provider.createRecord({ name, ttlSeconds: 300, data });
    await harness().settle();
    return stored;
  };
  const list = async (name: string): Promise<readonly RecordData[]> =>
    (await harness().provider.listRecords(name)).map(({ data }) => data);
  const find = async (name: string, data: RecordData): Promise<StoredRecord> => {
    const found = (await harness().provider.listRecords(name)).find(
      (record) => JSON.stringify(record.data) === JSON.stringify(data),
    );
    if (!found) throw new Error(`not there: ${JSON.stringify(data)}`);
    return found;
  };

  describe(title, () => {
    test('a name without records has none', async () => {
      expect(await list(freshName())).toEqual([]);
    });

    test.each(SAMPLES.map((data) => [data.type, data] as const))(
      '%s comes back as it went in: %j',
      async (_, data) => {
        const name = freshName();
        await create(name, data);
        expect(await list(name)).toEqual([data]);
      },
    );

    test('the same record twice is one record', async () => {
      const name = freshName();
      await create(name, A1);
      await create(name, A1);
      expect(await list(name)).toEqual([A1]);
    });

    test('records stand beside each other, and an update or a removal hits one of them alone', async () => {
      const name = freshName();
      await create(name, A1);
      await create(name, { type: 'TXT', text: 'stays' });
      await create(name, A2);
      await harness().provider.updateRecord(await find(name, A2), {
        name,
        ttlSeconds: 300,
        data: { type: 'A', address: '203.0.113.7' },
      });
      await harness().settle();
      const addresses = (await list(name)).filter(({ type }) => type === 'A');
      expect(addresses).toHaveLength(2);
      expect(addresses).toEqual(expect.arrayContaining([A1, { type: 'A', address: '203.0.113.7' }]));
      await harness().provider.deleteRecord(await find(name, A1));
      await harness().settle();
      expect((await list(name)).map(({ type }) => type).toSorted()).toEqual(['A', 'TXT']);
    });

    test('the removal of a record that is gone is no error', async () => {
      const name = freshName();
      await create(name, A1);
      const stored = await find(name, A1);
      await harness().clear(name);
      await harness().provider.deleteRecord(stored);
      await harness().settle();
      expect(await list(name)).toEqual([]);
    });

    test('a record that went away meanwhile is not updated', async () => {
      const { provider, clear, settle } = harness();
      const name = freshName();
      await create(name, A1);
      const stored = await find(name, A1);
      await clear(name);
      const update = provider.updateRecord(stored, { name, ttlSeconds: 300, data: A2 });
      const outcome = await update.then(
        () => 'done',
        ({ code }: { code: string }) => code,
      );
      await settle();
      // A person is only told, and decides.
      expect(outcome).toBe(provider.isManual ? 'done' : 'DNS_RECORD_CHANGED');
      expect(await list(name)).toEqual(provider.isManual ? [A2] : []);
    });

    test('an alias stands alone', async () => {
      const { provider } = harness();
      const name = freshName();
      await create(name, A1);
      if (provider.isManual) return;
      const alias = { name, ttlSeconds: 300, data: { type: 'CNAME', target: 'relay.other.test' } } as const;
      await expect(provider.createRecord(alias)).rejects.toMatchObject({ code: 'DNS_RECORD_CONFLICT' });
      expect(await list(name)).toEqual([A1]);
    });

    test('an alias becomes an address in one update, and back', async () => {
      const { provider, settle } = harness();
      const name = freshName();
      const alias: RecordData = { type: 'CNAME', target: 'relay.other.test' };
      await create(name, alias);
      await provider.updateRecord(await find(name, alias), { name, ttlSeconds: 300, data: A1 });
      await settle();
      expect(await list(name)).toEqual([A1]);
      await provider.updateRecord(await find(name, A1), { name, ttlSeconds: 300, data: alias });
      await settle();
      expect(await list(name)).toEqual([alias]);
    });

    test('the credentials are found good for the zone, and described without the secret', async () => {
      const { provider, zone, secret } = harness();
      const report = await provider.checkToken(`chat.${zone}`);
      expect(report.zone).toBe(zone);
      expect(report.mayEditRecords).not.toBe(false);
      expect(`${provider.describe()}${JSON.stringify(report)}${JSON.stringify(provider)}`).not.toContain(
        secret,
      );
    });

    test.each(['a b.example.test', 'x;y.example.test', 'x\nsend', '../../user/tokens'])(
      'nothing is asked for the name %j',
      async (name) => {
        const { provider } = harness();
        await expect(provider.listRecords(name)).rejects.toMatchObject({ code: 'DNS_NAME_INVALID' });
        if (provider.isManual) return;
        await expect(provider.createRecord({ name, ttlSeconds: 300, data: A1 })).rejects.toMatchObject({
          code: 'DNS_NAME_INVALID',
        });
      },
    );
  });
}
