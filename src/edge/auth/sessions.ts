import { hashSecret, makeId, makeSecret } from './secrets.ts';
import type { AuthStore } from './store.ts';

const TICKET_MS = 30_000;

/** Who has signed in, on what, and when the password was given. */
export interface Passage {
  readonly deviceId: string;
  readonly userName: string;
  /** The 30 days count from here, however many tickets later. */
  readonly signedInAtMs: number;
}

/**
 * Starts a session of a device on a service, always under a new secret; an older one of the same device and service ends.
 * @returns the secret for the cookie
 */
export function startSession(store: AuthStore, passage: Passage, service: string, address: string): string {
  const { deviceId, userName, signedInAtMs } = passage;
  const secret = makeSecret();
  const id = makeId();
  store.write((run) => {
    run('DELETE FROM sessions WHERE device_id = ? AND service = ?', deviceId, service);
    run(
      `INSERT INTO sessions (id, secret_hash, device_id, service, user_name, address, created_at, last_seen_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      hashSecret(secret),
      deviceId,
      service,
      userName,
      address,
      signedInAtMs,
      store.clock.nowMs(),
    );
    run('UPDATE devices SET user_name = ? WHERE id = ?', userName, deviceId);
  });
  store.record({ event: 'sign-in', userName, deviceId, address });
  return secret;
}

/** Ends every session of a device: whoever signs out means the browser, not one of its tabs. */
export function endSessionsOfDevice(store: AuthStore, deviceId: string): number {
  return store.write((run) => run('DELETE FROM sessions WHERE device_id = ?', deviceId));
}

/**
 * Makes a ticket: good once, for 30 s, on one service, in the browser that set out from there.
 * @param visitHash the visit cookie of that browser on the service's host
 */
export function makeTicket(store: AuthStore, passage: Passage, service: string, visitHash: string): string {
  const ticket = makeSecret();
  store.write((run) =>
    run(
      `INSERT INTO tickets (secret_hash, device_id, user_name, service, visit_hash, signed_in_at, expires_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
      hashSecret(ticket),
      passage.deviceId,
      passage.userName,
      service,
      visitHash,
      passage.signedInAtMs,
      store.clock.nowMs() + TICKET_MS,
    ),
  );
  return ticket;
}

/** Uses a ticket up, and says for whom it was if it fits. */
export function redeemTicket(
  store: AuthStore,
  ticket: string,
  service: string,
  visitHash: string,
): Passage | undefined {
  const row = store.readRow(
    `DELETE FROM tickets WHERE secret_hash = ? RETURNING device_id AS deviceId, user_name AS userName, service,
      visit_hash AS visitHash, signed_in_at AS signedInAtMs, expires_at AS expiresAtMs`,
    hashSecret(ticket),
  ) as (Passage & { service: string; visitHash: string; expiresAtMs: number }) | undefined;
  if (!row || row.service !== service || row.visitHash !== visitHash) return undefined;
  if (store.clock.nowMs() >= row.expiresAtMs) return undefined;
  return { deviceId: row.deviceId, userName: row.userName, signedInAtMs: row.signedInAtMs };
}
