import { PosternError } from '../../core/errors/index.ts';
import { describeBrowser } from './browser-name.ts';
import type { ClientAddress } from './contract.ts';
import type { Device, PairingRequest } from './records.ts';
import { hashSecret, makeCode, makeComparison, makeId, makeSecret, readCode } from './secrets.ts';
import type { AuthStore, Run } from './store.ts';

const REQUEST_MS = 10 * 60_000;
const OPEN_PER_BUCKET = 5;
const OPEN_IN_ALL = 250;
/** Ten times the poll of the page. */
const ABANDONED_MS = 30_000;

/** What a browser tells of itself when it asks to be paired. */
export interface Newcomer {
  /** Public name on which it asks. */
  readonly host: string;
  readonly client: ClientAddress;
  readonly userAgent: string | undefined;
}

export type OpenedRequest =
  | { readonly kind: 'request'; readonly request: PairingRequest }
  | { readonly kind: 'limited'; readonly retryAfterSeconds: number };

/** Where a request stands for the browser that made it. */
export type RequestStanding = 'open' | 'approved' | 'rejected' | 'expired';

export function standingOf(request: PairingRequest, nowMs: number): RequestStanding {
  return nowMs >= request.expiresAtMs ? 'expired' : request.state;
}

/** The request that belongs to a visit cookie on that host. */
export function findRequest(
  store: AuthStore,
  visit: string | undefined,
  host: string,
): PairingRequest | undefined {
  const request = visit === undefined ? undefined : store.snapshot.requestsByVisit.get(hashSecret(visit));
  return request?.host === host ? request : undefined;
}

/** Opens a request for the browser with this visit cookie. A refused one counts as open until its time is over. */
export function openRequest(store: AuthStore, visit: string, newcomer: Newcomer): OpenedRequest {
  const nowMs = store.clock.nowMs();
  const waiting = [...store.snapshot.requests.values()].filter(
    (request) => request.state !== 'approved' && nowMs < request.expiresAtMs,
  );
  const ofBucket = waiting.filter((request) => request.bucket === newcomer.client.bucket);
  if (ofBucket.length >= OPEN_PER_BUCKET) return limitUntilOneEnds(ofBucket, nowMs);
  const abandoned = waiting.length < OPEN_IN_ALL ? undefined : findAbandoned(store, waiting);
  if (waiting.length >= OPEN_IN_ALL && !abandoned) return limitUntilOneEnds(waiting, nowMs);
  const id = makeId();
  store.write((run) => {
    if (abandoned) run('DELETE FROM pairing_requests WHERE id = ?', abandoned.id);
    insertRequest(run, id, hashSecret(visit), newcomer, nowMs);
  });
  store.noteAsked(id);
  return { kind: 'request', request: store.snapshot.requests.get(id) as PairingRequest };
}

function limitUntilOneEnds(waiting: readonly PairingRequest[], nowMs: number): OpenedRequest {
  const freeAtMs = Math.min(...waiting.map((request) => request.expiresAtMs));
  return { kind: 'limited', retryAfterSeconds: Math.ceil((freeAtMs - nowMs) / 1000) };
}

/**
 * When strangers have filled all places, one whose page asks no longer makes room: to keep a place costs a request every
 * few seconds, so a flood has to go on asking for all of them.
 */
function findAbandoned(store: AuthStore, waiting: readonly PairingRequest[]): PairingRequest | undefined {
  return waiting.find((request) => request.state === 'open' && store.silentForMs(request.id) > ABANDONED_MS);
}

function insertRequest(run: Run, id: string, visitHash: string, newcomer: Newcomer, nowMs: number): void {
  run('DELETE FROM pairing_requests WHERE visit_hash = ?', visitHash);
  run(
    `INSERT INTO pairing_requests (id, code, comparison, visit_hash, host, address, bucket, browser, created_at,
      expires_at, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')`,
    id,
    makeCode(),
    makeComparison(),
    visitHash,
    newcomer.host,
    newcomer.client.text,
    newcomer.client.bucket,
    describeBrowser(newcomer.userAgent),
    nowMs,
    nowMs + REQUEST_MS,
  );
}

/** The open request with that code, as the operator typed it. @throws AUTH_CODE_UNKNOWN */
export function requireOpenRequest(store: AuthStore, typedCode: string): PairingRequest {
  store.refresh();
  const code = readCode(typedCode);
  const nowMs = store.clock.nowMs();
  for (const request of store.snapshot.requests.values()) {
    if (request.code === code && standingOf(request, nowMs) === 'open') return request;
  }
  throw new PosternError('AUTH_CODE_UNKNOWN', { code: code ?? 'like that' });
}

/** Makes the device of an open request; its browser fetches the cookie with `claimDevice`. */
export function approveRequest(store: AuthStore, request: PairingRequest): string {
  const nowMs = store.clock.nowMs();
  const id = makeId();
  store.write((run) => {
    insertDevice(run, id, { ...request, secretHash: null }, true, nowMs);
    const changed = run(
      `UPDATE pairing_requests SET state = 'approved', device_id = ?, expires_at = ?
        WHERE id = ? AND state = 'open'`,
      id,
      nowMs + REQUEST_MS,
      request.id,
    );
    if (changed !== 1) throw new PosternError('AUTH_CODE_UNKNOWN', { code: request.code });
  });
  store.record({ event: 'device-approved', deviceId: id, address: request.address });
  return id;
}

export function rejectRequest(store: AuthStore, request: PairingRequest): void {
  store.write((run) =>
    run(`UPDATE pairing_requests SET state = 'rejected' WHERE id = ? AND state = 'open'`, request.id),
  );
  store.record({ event: 'device-rejected', address: request.address });
}

/**
 * Gives an approved browser its device cookie. An answer may be lost on the way, so it may be fetched again, with a new
 * secret each time, until the cookie has been seen (`closeRequest`).
 */
export function claimDevice(store: AuthStore, request: PairingRequest): string | undefined {
  const secret = makeSecret();
  const changed = store.write((run) =>
    run(
      `UPDATE devices SET secret_hash = ? WHERE revoked_at IS NULL AND id =
        (SELECT device_id FROM pairing_requests WHERE id = ? AND state = 'approved' AND expires_at > ?)`,
      hashSecret(secret),
      request.id,
      store.clock.nowMs(),
    ),
  );
  return changed === 1 ? secret : undefined;
}

/** The device cookie has arrived: the request can never be used again. */
export function closeRequest(store: AuthStore, request: PairingRequest): void {
  store.write((run) => run('DELETE FROM pairing_requests WHERE id = ?', request.id));
}

/**
 * Pairs a browser without an approval, after its password was right: where pairing is off, or as the very first device.
 * @param onlyAsFirst refuse when any device was ever paired
 * @returns the device and its cookie, or `undefined` when another one was first
 */
export function pairBySignIn(
  store: AuthStore,
  newcomer: Newcomer,
  onlyAsFirst: boolean,
): { readonly device: Device; readonly secret: string } | undefined {
  const id = makeId();
  const secret = makeSecret();
  const paired = store.write((run) => {
    if (onlyAsFirst && hasEverPaired(store)) return false;
    const browser = describeBrowser(newcomer.userAgent);
    const { host, client } = newcomer;
    insertDevice(
      run,
      id,
      { host, address: client.text, browser, secretHash: hashSecret(secret) },
      false,
      store.clock.nowMs(),
    );
    return true;
  });
  const device = store.snapshot.devices.get(id);
  if (!paired || !device) return undefined;
  store.record({ event: 'device-paired-by-sign-in', deviceId: id, address: newcomer.client.text });
  return { device, secret };
}

/** Read from the file, not from memory: two daemons at once must agree on who was first. Forgotten devices count. */
export function hasEverPaired(store: AuthStore): boolean {
  const sql = `SELECT 1 FROM devices UNION ALL SELECT 1 FROM audit WHERE event = 'device-paired-by-sign-in' LIMIT 1`;
  return store.readRow(sql) !== undefined;
}

function insertDevice(
  run: Run,
  id: string,
  from: Pick<Device, 'host' | 'address' | 'browser' | 'secretHash'>,
  isApproved: boolean,
  nowMs: number,
): void {
  run(
    `INSERT INTO devices (id, name, host, secret_hash, browser, address, approved, created_at, last_seen_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    id,
    from.browser,
    from.host,
    from.secretHash,
    from.browser,
    from.address,
    isApproved ? 1 : 0,
    nowMs,
    nowMs,
  );
}
