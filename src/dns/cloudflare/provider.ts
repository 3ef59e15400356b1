import { PosternError } from '../../core/errors/index.ts';
import type { DnsProvider, DnsRecord, StoredRecord } from '../contract.ts';
import { checkName } from '../names.ts';
import { isSameData, renderData } from '../record-data.ts';
import { type ApiOptions, type CloudflareApi, openCloudflareApi } from './api.ts';
import { parseStoredRecord, renderRecord } from './records.ts';
import { CLOUDFLARE, CloudflareRefusal, NO_RECORD, SAME_RECORD, changeError, readError } from './refusals.ts';
import { checkToken } from './token.ts';
import { type CloudflareZone, findZone } from './zones.ts';

export interface CloudflareOptions extends ApiOptions {
  /** The zone of all names; default: the longest suffix of a name that is one. */
  readonly zone?: string | undefined;
}

/** Records at Cloudflare, by its REST interface. */
export function openCloudflare(options: CloudflareOptions): DnsProvider {
  return new Cloudflare(openCloudflareApi(options), options.zone);
}

class Cloudflare implements DnsProvider {
  readonly hasComments = true;
  readonly isManual = false;
  readonly #api: CloudflareApi;
  readonly #wantedZone: string | undefined;
  readonly #zones = new Map<string, Promise<CloudflareZone>>();

  constructor(api: CloudflareApi, wantedZone: string | undefined) {
    this.#api = api;
    this.#wantedZone = wantedZone;
  }

  describe(): string {
    return CLOUDFLARE;
  }

  checkToken(name: string): ReturnType<DnsProvider['checkToken']> {
    return checkToken(this.#api, checkName(name), this.#wantedZone);
  }

  async listRecords(name: string): Promise<readonly StoredRecord[]> {
    const zone = await this.#zoneOf(name);
    try {
      const entries = await this.#api.list(`/zones/${zone.id}/dns_records`, { name: checkName(name) });
      return entries
        .map(parseStoredRecord)
        .filter((record) => record !== undefined)
        .filter((record) => record.name === checkName(name));
    } catch (error) {
      throw error instanceof CloudflareRefusal ? readError(error, zone.name) : error;
    }
  }

  async createRecord(record: DnsRecord, comment?: string): Promise<StoredRecord> {
    const zone = await this.#zoneOf(record.name);
    const body = renderRecord({ ...record, name: checkName(record.name) }, comment);
    try {
      const { result } = await this.#api.request({
        method: 'POST',
        path: `/zones/${zone.id}/dns_records`,
        body,
      });
      return readChanged(result, record);
    } catch (error) {
      if (!(error instanceof CloudflareRefusal)) throw error;
      const twin = error.hasCode(SAME_RECORD) ? await this.#findTwin(record) : undefined;
      if (twin) return twin;
      throw changeError(error, { name: record.name, record: renderData(record.data), zone: zone.name });
    }
  }

  async updateRecord(stored: StoredRecord, wanted: DnsRecord, comment?: string): Promise<StoredRecord> {
    const zone = await this.#zoneOf(stored.name);
    if (!(await this.#isUnchanged(zone, stored))) throw changed(stored);
    return this.#change(zone, stored, async (path) => {
      const body = renderRecord({ ...wanted, name: checkName(wanted.name) }, comment);
      const { result } = await this.#api.request({ method: 'PATCH', path, body });
      return readChanged(result, wanted);
    });
  }

  async deleteRecord(stored: StoredRecord): Promise<void> {
    const zone = await this.#zoneOf(stored.name);
    const found = await this.#find(zone, stored);
    if (found === undefined) return;
    if (!isSameRecord(found, stored)) throw changed(stored);
    await this.#change(zone, stored, async (path) => {
      await this.#api.request({ method: 'DELETE', path }).catch((error: unknown) => {
        if (!(error instanceof CloudflareRefusal && error.hasCode(NO_RECORD))) throw error;
      });
    });
  }

  async #change<T>(
    zone: CloudflareZone,
    stored: StoredRecord,
    send: (path: string) => Promise<T>,
  ): Promise<T> {
    try {
      return await send(`/zones/${zone.id}/dns_records/${stored.id}`);
    } catch (error) {
      if (!(error instanceof CloudflareRefusal)) throw error;
      throw changeError(error, { name: stored.name, record: renderData(stored.data), zone: zone.name });
    }
  }

  async #isUnchanged(zone: CloudflareZone, stored: StoredRecord): Promise<boolean> {
    const found = await this.#find(zone, stored);
    return found !== undefined && isSameRecord(found, stored);
  }

  async #find(zone: CloudflareZone, stored: StoredRecord): Promise<StoredRecord | undefined> {
    try {
      const path = `/zones/${zone.id}/dns_records/${stored.id}`;
      return parseStoredRecord((await this.#api.request({ method: 'GET', path })).result);
    } catch (error) {
      if (!(error instanceof CloudflareRefusal)) throw error;
      if (error.status === 404 || error.hasCode(NO_RECORD)) return undefined;
      throw readError(error, zone.name);
    }
  }

  async #findTwin(record: DnsRecord): Promise<StoredRecord | undefined> {
    const records = await this.listRecords(record.name);
    return records.find(({ data }) => isSameData(data, record.data));
  }

  /** Asked once for each name; a failure is forgotten, so that the next one asks again. */
  #zoneOf(name: string): Promise<CloudflareZone> {
    const plain = checkName(name);
    const known = this.#zones.get(plain);
    if (known) return known;
    const found = findZone(this.#api, plain, this.#wantedZone);
    this.#zones.set(plain, found);
    found.catch(() => this.#zones.delete(plain));
    return found;
  }
}

const isSameRecord = (one: StoredRecord, other: StoredRecord): boolean =>
  isSameData(one.data, other.data) && one.comment === other.comment && one.isProxied === other.isProxied;

/** What they say they stored has to be what was sent. */
function readChanged(result: unknown, wanted: DnsRecord): StoredRecord {
  const stored = parseStoredRecord(result);
  if (stored && isSameData(stored.data, wanted.data)) return stored;
  throw new PosternError('DNS_ANSWER_ODD', { provider: CLOUDFLARE, reason: 'it stored something else' });
}

function changed(stored: StoredRecord): PosternError {
  return new PosternError('DNS_RECORD_CHANGED', { name: stored.name, record: renderData(stored.data) });
}
