import { printable } from '../../core/printable.ts';
import type { TokenReport } from '../contract.ts';
import { type CloudflareApi, isObject } from './api.ts';
import { CloudflareRefusal, NO_RECORD, isUnauthorised } from './refusals.ts';
import { type CloudflareZone, findZone, listZones } from './zones.ts';

/** What Postern needs: to see the zone and to edit its records. */
const NEEDED = new Set(['#zone:read', '#dns_records:read', '#dns_records:edit']);
/** No record has this identifier: what is sent to it finds out what is allowed and changes nothing. */
const NOBODY = '0'.repeat(32);

/** What the token may do for `name`, without a change. @throws as `DnsProvider.checkToken` */
export async function checkToken(
  api: CloudflareApi,
  name: string,
  wantedZone: string | undefined,
): Promise<TokenReport> {
  const zone = await findZone(api, name, wantedZone);
  const [others, mayEditRecords, makesTokens, expiresMs] = await Promise.all([
    findOtherZones(api, zone),
    mayEdit(api, zone),
    mayMakeTokens(api),
    findExpiry(api),
  ]);
  const excess = [...describeOthers(others), ...describePermissions(zone), ...makesTokens];
  return { zone: zone.name, mayEditRecords, excess, expiresMs };
}

async function findOtherZones(api: CloudflareApi, { id }: CloudflareZone): Promise<readonly string[]> {
  const zones = await listZones(api, {});
  return zones.filter((zone) => zone.id !== id).map((zone) => zone.name);
}

function describeOthers(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, 3).join(', ');
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return [`It reaches other zones too: ${shown}${more}.`];
}

function describePermissions({ permissions, name }: CloudflareZone): readonly string[] {
  const beyond = permissions.filter((permission) => !NEEDED.has(permission) && !permission.endsWith(':read'));
  return beyond.length === 0
    ? []
    : [`In ${name} it may do more than edit records: ${printable(beyond.join(', '), 300)}.`];
}

/** A change of a record that is not there: "no such record" comes from those who may, a refusal from those who may not. */
async function mayEdit(api: CloudflareApi, zone: CloudflareZone): Promise<boolean | undefined> {
  if (zone.permissions.includes('#dns_records:edit')) return true;
  try {
    await api.request({ method: 'PATCH', path: `/zones/${zone.id}/dns_records/${NOBODY}`, body: {} });
  } catch (error) {
    if (!(error instanceof CloudflareRefusal)) throw error;
    if (isUnauthorised(error)) return false;
    return error.status === 404 || error.hasCode(NO_RECORD) ? true : undefined;
  }
  return undefined;
}

async function mayMakeTokens(api: CloudflareApi): Promise<readonly string[]> {
  const answer = await tryRequest(api, '/user/tokens');
  return answer === undefined ? [] : ['It may read or make other API tokens of this account.'];
}

/** A token of an account, unlike one of a person, cannot be asked about here: then nothing is known. */
async function findExpiry(api: CloudflareApi): Promise<number | undefined> {
  const result = await tryRequest(api, '/user/tokens/verify');
  const expires = isObject(result) ? result['expires_on'] : undefined;
  const expiresMs = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
  return Number.isNaN(expiresMs) ? undefined : expiresMs;
}

async function tryRequest(api: CloudflareApi, path: string): Promise<unknown> {
  try {
    return (await api.request({ method: 'GET', path })).result;
  } catch (error) {
    if (error instanceof CloudflareRefusal) return undefined;
    throw error;
  }
}
