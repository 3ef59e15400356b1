import { PosternError } from '../../core/errors/index.ts';
import { parseName, zoneCandidatesOf } from '../names.ts';
import { type CloudflareApi, isObject, odd } from './api.ts';
import { checkId } from './records.ts';
import { CLOUDFLARE, CloudflareRefusal, readError } from './refusals.ts';

/** A zone that the token can see. */
export interface CloudflareZone {
  readonly id: string;
  readonly name: string;
  /** Cloudflare's name servers answer for it; else it waits for the delegation. */
  readonly isActive: boolean;
  /** What the token may do in it, such as `#dns_records:edit`; empty where Cloudflare does not say. */
  readonly permissions: readonly string[];
}

/**
 * The zone of a name: the longest suffix that is one, an active one first.
 * @param wanted the zone that the configuration names
 * @throws DNS_ZONE_UNKNOWN, DNS_TOKEN_REFUSED
 */
export async function findZone(
  api: CloudflareApi,
  name: string,
  wanted: string | undefined,
): Promise<CloudflareZone> {
  for (const candidate of wanted === undefined ? zoneCandidatesOf(name) : [wanted]) {
    const zones = (await listZones(api, { name: candidate })).filter((zone) => zone.name === candidate);
    const zone = zones.find(({ isActive }) => isActive) ?? zones[0];
    if (zone) return zone;
  }
  throw new PosternError('DNS_ZONE_UNKNOWN', { where: CLOUDFLARE, name });
}

/** Zones that the token can see. */
export async function listZones(
  api: CloudflareApi,
  query: Readonly<Record<string, string>>,
): Promise<readonly CloudflareZone[]> {
  try {
    return (await api.list('/zones', query)).map(parseZone);
  } catch (error) {
    throw error instanceof CloudflareRefusal ? readError(error, query['name'] ?? 'the zone') : error;
  }
}

function parseZone(entry: unknown): CloudflareZone {
  if (!isObject(entry)) throw odd('a zone is no object');
  const name = parseName(entry['name']);
  if (name === undefined) throw odd('a zone has no name');
  const { permissions } = entry;
  return {
    id: checkId(entry['id']),
    name,
    isActive: entry['status'] === 'active',
    permissions: Array.isArray(permissions)
      ? permissions.filter((permission) => typeof permission === 'string')
      : [],
  };
}
