import { PosternError } from '../../core/errors/index.ts';
import type { Secret } from '../../core/secret.ts';
import { queryDns } from '../../platform/dns-query.ts';
import { runProcess } from '../../platform/processes.ts';
import {
  RECORD_TYPES,
  type DnsProvider,
  type DnsRecord,
  type StoredRecord,
  type TokenReport,
} from '../contract.ts';
import { type QueryDns, askServer } from '../lookup/ask-server.ts';
import { checkName, isWithin, markNameOf } from '../names.ts';
import { isSameData, renderData } from '../record-data.ts';
import { type UpdateOutcome, classifyUpdate } from './classify.ts';
import {
  type UpdateRequest,
  type UpdateTarget,
  addRecord,
  findTargetFault,
  removeRecord,
  renderScript,
  requireNoName,
  requireNone,
  requireSet,
} from './script.ts';

export interface Rfc2136Options extends Omit<UpdateTarget, 'keySecret'> {
  /** The address behind `server`: queries go there. */
  readonly address: string;
  readonly keySecret: Secret;
  readonly query?: QueryDns;
  /** Default `nsupdate`. */
  readonly program?: string;
}

/** Seconds for records whose own number the server does not tell through Node's resolver. */
const UNKNOWN_TTL_SECONDS = 300;
/** nsupdate's own limit, and ours above it. */
const ANSWER_SECONDS = 10;

/** Records of a zone whose primary server takes dynamic updates (RFC 2136) signed by a TSIG key (RFC 8945). */
export function openRfc2136(options: Rfc2136Options): DnsProvider {
  const { keySecret, ...rest } = options;
  const fault = findTargetFault({ ...rest, keySecret: keySecret.reveal() });
  if (fault !== undefined) {
    throw new PosternError('DNS_CONFIG_INCOMPLETE', { provider: 'rfc2136', missing: fault });
  }
  return new Rfc2136({ ...options, zone: checkName(options.zone), keyName: checkName(options.keyName) });
}

class Rfc2136 implements DnsProvider {
  readonly hasComments = false;
  readonly isManual = false;
  readonly #options: Rfc2136Options;
  readonly #query: QueryDns;

  constructor(options: Rfc2136Options) {
    this.#options = options;
    this.#query = options.query ?? queryDns;
  }

  describe(): string {
    return `${this.#options.server} (RFC 2136)`;
  }

  /** Nothing is changed: the update asks for the zone itself not to exist, and the server judges the key before that. */
  async checkToken(name: string): Promise<TokenReport> {
    const plain = this.#checkWithin(name);
    const [own, other] = [
      await this.#tryAdd(markNameOf(plain), plain),
      await this.#tryAdd(`postern-check.${this.#options.zone}`, plain),
    ];
    const excess =
      other === 'unmet'
        ? [`The key ${this.#options.keyName} may change other names of ${this.#options.zone} too.`]
        : [];
    return { zone: this.#options.zone, mayEditRecords: own === 'unmet', excess, expiresMs: undefined };
  }

  async listRecords(name: string): Promise<readonly StoredRecord[]> {
    const plain = this.#checkWithin(name);
    const server = { address: this.#options.address, port: this.#options.port };
    const sets = await Promise.all(RECORD_TYPES.map((type) => askServer(this.#query, plain, type, server)));
    return sets.flatMap((answer, index): StoredRecord[] => {
      if (answer.kind === 'failed') throw this.#unreachable(answer.reason);
      if (answer.kind !== 'records') {
        // Every other type says "alias" too: it is listed once, under its own.
        const isAlias = answer.kind === 'alias' && RECORD_TYPES[index] === 'CNAME';
        return isAlias ? [stored(plain, { type: 'CNAME', target: answer.target }, undefined)] : [];
      }
      return answer.records.map(({ data, ttlSeconds }) => stored(plain, data, ttlSeconds));
    });
  }

  async createRecord(record: DnsRecord): Promise<StoredRecord> {
    const name = this.#checkWithin(record.name);
    const there = await this.listRecords(name);
    const twin = there.find(({ data }) => isSameData(data, record.data));
    if (twin) return twin;
    const excluded = there.find(({ data }) => data.type === 'CNAME' || record.data.type === 'CNAME');
    if (excluded) throw conflict(record, `there is ${renderData(excluded.data)}`);
    const outcome = await this.#send({
      prerequisites: [record.data.type === 'CNAME' ? requireNoName(name) : requireNone(name, 'CNAME')],
      changes: [addRecord({ ...record, name })],
    });
    if (outcome === 'unmet') throw conflict(record, 'something else came there meanwhile');
    this.#judge(outcome, renderData(record.data));
    return this.#findStored(name, record);
  }

  async updateRecord(before: StoredRecord, wanted: DnsRecord): Promise<StoredRecord> {
    const name = this.#checkWithin(before.name);
    const outcome = await this.#send({
      prerequisites: await this.#unchanged(before),
      changes: [
        removeRecord(name, before.data),
        addRecord({ ...wanted, name: this.#checkWithin(wanted.name) }),
      ],
    });
    if (outcome === 'unmet') throw changed(before);
    this.#judge(outcome, renderData(wanted.data));
    return this.#findStored(name, wanted);
  }

  async deleteRecord(before: StoredRecord): Promise<void> {
    const name = this.#checkWithin(before.name);
    const outcome = await this.#send({ prerequisites: [], changes: [removeRecord(name, before.data)] });
    this.#judge(outcome, renderData(before.data));
  }

  /** The whole set as it is now, with the listed record in it; the server compares it again when it acts. */
  async #unchanged(before: StoredRecord): Promise<readonly string[]> {
    const set = (await this.listRecords(before.name)).filter(({ data }) => data.type === before.data.type);
    if (!set.some(({ data }) => isSameData(data, before.data))) throw changed(before);
    return requireSet(
      before.name,
      set.map(({ data }) => data),
    );
  }

  /** A server may drop what it does not like without a word (BIND does, beside a CNAME): so it is looked at. */
  async #findStored(name: string, record: DnsRecord): Promise<StoredRecord> {
    const found = (await this.listRecords(name)).find(({ data }) => isSameData(data, record.data));
    if (!found) throw conflict(record, 'the server dropped it without a word');
    return found;
  }

  async #tryAdd(target: string, name: string): Promise<UpdateOutcome> {
    const record: DnsRecord = { name: target, ttlSeconds: 60, data: { type: 'TXT', text: 'postern' } };
    const request = { prerequisites: [requireNoName(this.#options.zone)], changes: [addRecord(record)] };
    const outcome = await this.#send(request);
    if (outcome !== 'refused' && outcome !== 'unmet') this.#judge(outcome, `TXT of ${name}`);
    return outcome;
  }

  async #send(request: UpdateRequest): Promise<UpdateOutcome> {
    const { program = 'nsupdate', keySecret } = this.#options;
    const script = renderScript({ ...this.#options, keySecret: keySecret.reveal() }, request);
    const end = await runProcess(program, ['-t', String(ANSWER_SECONDS)], {
      input: script,
      timeoutMs: (ANSWER_SECONDS + 5) * 1000,
      // Nothing else of the environment: the configuration may keep the secret there.
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    });
    return classifyUpdate(end);
  }

  /** @throws the error that the outcome stands for. nsupdate's own words are not quoted: the key could be in them. */
  #judge(outcome: UpdateOutcome, record: string): void {
    const { zone } = this.#options;
    const provider = this.describe();
    switch (outcome) {
      case 'done':
        return;
      case 'bad-key':
      case 'wrong-clock': {
        const reason =
          outcome === 'bad-key' ? 'it does not know the key, or has another secret for it' : CLOCKS;
        throw new PosternError('DNS_TOKEN_REFUSED', { provider, reason, zone });
      }
      case 'refused':
        throw new PosternError('DNS_TOKEN_TOO_WEAK', {
          provider,
          zone,
          remedy: `Allow the key ${this.#options.keyName} to update these names (BIND: update-policy).`,
        });
      case 'not-zone':
        throw new PosternError('DNS_ZONE_UNKNOWN', { where: provider, name: zone });
      case 'unreachable':
        throw this.#unreachable('no answer to an update');
      case 'missing':
        throw new PosternError('DNS_NSUPDATE_MISSING');
      case 'unmet':
      case 'odd':
        throw new PosternError('DNS_RECORD_REFUSED', {
          provider,
          record,
          reason: 'it answered something else',
        });
    }
  }

  #unreachable(reason: string): PosternError {
    return new PosternError('DNS_UNREACHABLE', { provider: this.describe(), reason });
  }

  #checkWithin(name: string): string {
    const plain = checkName(name);
    if (isWithin(plain, this.#options.zone)) return plain;
    throw new PosternError('DNS_ZONE_UNKNOWN', { where: this.describe(), name: plain });
  }
}

const CLOCKS = 'its clock and the clock of this machine are more than five minutes apart';

function stored(name: string, data: StoredRecord['data'], ttlSeconds: number | undefined): StoredRecord {
  return {
    id: `${name} ${renderData(data)}`,
    name,
    data,
    ttlSeconds: ttlSeconds ?? UNKNOWN_TTL_SECONDS,
    comment: undefined,
    isProxied: false,
  };
}

function conflict({ name, data }: DnsRecord, reason: string): PosternError {
  return new PosternError('DNS_RECORD_CONFLICT', { name, record: renderData(data), reason });
}

function changed({ name, data }: StoredRecord): PosternError {
  return new PosternError('DNS_RECORD_CHANGED', { name, record: renderData(data) });
}
