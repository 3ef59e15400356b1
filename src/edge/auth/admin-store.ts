import { PosternError } from '../../core/errors/index.ts';
import type {
  AuthAdmin,
  DeviceView,
  PairingRequestView,
  PasswordResult,
  SessionView,
  UserView,
} from './admin.ts';
import { approveRequest, rejectRequest, requireOpenRequest, standingOf } from './pairing.ts';
import { type ScryptCost, checkNewPassword, hashPassword } from './passwords.ts';
import type { Device, PairingRequest, Session, User } from './records.ts';
import { TOKEN_PREFIX, hashSecret, makeId, makeSecret } from './secrets.ts';
import { type AuthStore, expiryOf } from './store.ts';
import { makeWordPassword } from './words.ts';

const USER_NAME = /^[a-z0-9][a-z0-9._@-]{0,63}$/;
/** Printable, one line: it is shown in terminals. */
const DEVICE_NAME = /^[^\p{C}\p{Zl}\p{Zp}]{1,64}$/u;

/** User names are compared without case: phones like to capitalise. */
export function normalizeUserName(name: string): string {
  return name.trim().toLowerCase();
}

/**
 * The operator's side of the login, on the store itself.
 * @param cost of password hashes; tests take a small one
 */
export function createAuthAdmin(store: AuthStore, cost?: ScryptCost): AuthAdmin {
  return { ...userAdmin(store, cost), ...sessionAdmin(store), ...deviceAdmin(store), ...requestAdmin(store) };
}

type UserAdmin = Pick<AuthAdmin, 'listUsers' | 'addUser' | 'setPassword' | 'removeUser' | 'listAudit'>;

function userAdmin(store: AuthStore, cost: ScryptCost | undefined): UserAdmin {
  return {
    async listUsers() {
      store.refresh();
      return [...store.snapshot.users.values()].map((user) => viewUser(store, user));
    },
    async addUser({ name, password }) {
      const normal = normalizeUserName(name);
      if (!USER_NAME.test(normal)) throw new PosternError('AUTH_USER_NAME');
      const made = await makePassword(password, cost);
      const changed = store.write((run) =>
        run(
          'INSERT INTO users (name, password_hash, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING',
          normal,
          made.hash,
          store.clock.nowMs(),
        ),
      );
      if (changed === 0) throw new PosternError('AUTH_USER_EXISTS', { name: normal });
      store.record({ event: 'user-added', userName: normal });
      return { name: normal, generatedPassword: made.generated, endedSessions: 0 };
    },
    async setPassword({ name, password }): Promise<PasswordResult> {
      const user = requireUser(store, name);
      const made = await makePassword(password, cost);
      const endedSessions = store.write((run) => {
        run('UPDATE users SET password_hash = ? WHERE name = ?', made.hash, user.name);
        run('DELETE FROM tickets WHERE user_name = ?', user.name);
        return run('DELETE FROM sessions WHERE user_name = ?', user.name);
      });
      store.record({ event: 'password-changed', userName: user.name });
      return { name: user.name, generatedPassword: made.generated, endedSessions };
    },
    async removeUser({ name }) {
      const user = requireUser(store, name);
      const endedSessions = store.write((run) => {
        const ended = run('DELETE FROM sessions WHERE user_name = ?', user.name);
        run('UPDATE devices SET user_name = NULL WHERE user_name = ?', user.name);
        run('DELETE FROM users WHERE name = ?', user.name);
        return ended;
      });
      store.record({ event: 'user-removed', userName: user.name });
      return { endedSessions };
    },
    async listAudit({ limit }) {
      return store.readAudit(limit);
    },
  };
}

async function makePassword(
  password: string | undefined,
  cost: ScryptCost | undefined,
): Promise<{ hash: string; generated: string | undefined }> {
  const generated = password === undefined || password === '' ? makeWordPassword() : undefined;
  const hash = await hashPassword(checkNewPassword(generated ?? password ?? ''), cost);
  return { hash, generated };
}

type SessionAdmin = Pick<AuthAdmin, 'listSessions' | 'revokeSession' | 'revokeAllSessions'>;

function sessionAdmin(store: AuthStore): SessionAdmin {
  const alive = (): Session[] =>
    [...store.snapshot.sessions.values()].filter((session) => !store.hasExpired(session));
  return {
    async listSessions() {
      store.refresh();
      return alive().map((session) => viewSession(store, session));
    },
    async revokeSession({ id }) {
      store.refresh();
      const session = store.snapshot.sessions.get(id);
      if (!session) throw new PosternError('AUTH_SESSION_UNKNOWN', { id });
      const view = viewSession(store, session);
      store.write((run) => {
        // Together with the device's sign-in at the gate, which would hand out the next session without a password.
        run(
          `DELETE FROM sessions WHERE id = ? OR (device_id = ? AND service =
            (SELECT host FROM devices WHERE id = ?))`,
          id,
          session.deviceId,
          session.deviceId,
        );
        run('DELETE FROM tickets WHERE device_id = ?', session.deviceId);
      });
      store.record({ event: 'session-revoked', userName: view.userName, deviceId: view.deviceId });
      return view;
    },
    async revokeAllSessions() {
      const endedSessions = store.write((run) => {
        run('DELETE FROM tickets');
        return run('DELETE FROM sessions');
      });
      store.record({ event: 'all-sessions-revoked' });
      return { endedSessions };
    },
  };
}

type DeviceAdmin = Pick<AuthAdmin, 'listDevices' | 'renameDevice' | 'revokeDevice' | 'makeToken'>;

function deviceAdmin(store: AuthStore): DeviceAdmin {
  return {
    async listDevices() {
      store.refresh();
      const paired = [...store.snapshot.devices.values()].filter((device) => device.revokedAtMs === null);
      return paired.map((device) => viewDevice(store, device));
    },
    async renameDevice({ id, name }) {
      requireDevice(store, id);
      const shown = name.trim();
      if (!DEVICE_NAME.test(shown)) throw new PosternError('AUTH_DEVICE_NAME');
      store.write((run) => run('UPDATE devices SET name = ? WHERE id = ?', shown, id));
      return viewDevice(store, requireDevice(store, id));
    },
    async revokeDevice({ id }) {
      const device = viewDevice(store, requireDevice(store, id));
      const ended = store.write((run) => {
        run('UPDATE devices SET revoked_at = ?, secret_hash = NULL WHERE id = ?', store.clock.nowMs(), id);
        run('DELETE FROM tickets WHERE device_id = ?', id);
        run('DELETE FROM pairing_requests WHERE device_id = ?', id);
        return {
          endedSessions: run('DELETE FROM sessions WHERE device_id = ?', id),
          endedTokens: run('DELETE FROM tokens WHERE device_id = ?', id),
        };
      });
      store.record({ event: 'device-revoked', deviceId: id });
      return { device, ...ended };
    },
    async makeToken({ id }) {
      const device = requireDevice(store, id);
      const secret = makeSecret();
      store.write((run) =>
        run(
          'INSERT INTO tokens (id, secret_hash, device_id, user_name, created_at) VALUES (?, ?, ?, ?, ?)',
          makeId(),
          hashSecret(secret),
          id,
          device.userName,
          store.clock.nowMs(),
        ),
      );
      store.record({ event: 'token-made', deviceId: id, userName: device.userName ?? undefined });
      return { token: `${TOKEN_PREFIX}${secret}`, device: viewDevice(store, requireDevice(store, id)) };
    },
  };
}

type RequestAdmin = Pick<AuthAdmin, 'listRequests' | 'findRequest' | 'approveRequest' | 'rejectRequest'>;

function requestAdmin(store: AuthStore): RequestAdmin {
  return {
    async listRequests() {
      store.refresh();
      const nowMs = store.clock.nowMs();
      return [...store.snapshot.requests.values()]
        .filter((one) => standingOf(one, nowMs) === 'open')
        .map(viewRequest);
    },
    async findRequest({ code }) {
      return viewRequest(requireOpenRequest(store, code));
    },
    async approveRequest({ code, comparison }) {
      const request = requireOpenRequest(store, code);
      if (request.comparison !== comparison)
        throw new PosternError('AUTH_CODE_UNKNOWN', { code: request.code });
      return viewDevice(store, requireDevice(store, approveRequest(store, request)));
    },
    async rejectRequest({ code }) {
      const request = requireOpenRequest(store, code);
      rejectRequest(store, request);
      return viewRequest(request);
    },
  };
}

function requireUser(store: AuthStore, name: string): User {
  store.refresh();
  const normal = normalizeUserName(name);
  const user = store.snapshot.users.get(normal);
  if (!user) throw new PosternError('AUTH_USER_UNKNOWN', { name: normal });
  return user;
}

function requireDevice(store: AuthStore, id: string): Device {
  store.refresh();
  const device = store.snapshot.devices.get(id);
  if (!device || device.revokedAtMs !== null) throw new PosternError('AUTH_DEVICE_UNKNOWN', { id });
  return device;
}

function viewUser(store: AuthStore, user: User): UserView {
  const sessions = count(store.snapshot.sessions.values(), (session) => session.userName === user.name);
  return { name: user.name, createdAtMs: user.createdAtMs, sessions };
}

function viewSession(store: AuthStore, session: Session): SessionView {
  const { id, userName, service, deviceId, address, createdAtMs, lastSeenAtMs } = session;
  const deviceName = store.snapshot.devices.get(deviceId)?.name ?? '';
  const expiresAtMs = expiryOf(session);
  return { id, userName, service, deviceId, deviceName, address, createdAtMs, lastSeenAtMs, expiresAtMs };
}

function viewDevice(store: AuthStore, device: Device): DeviceView {
  const { id, name, browser, host, address, createdAtMs, lastSeenAtMs } = device;
  return {
    id,
    name,
    browser,
    host,
    userName: device.userName ?? undefined,
    address,
    createdAtMs,
    lastSeenAtMs,
    sessions: count(store.snapshot.sessions.values(), (session) => session.deviceId === id),
    tokens: count(store.snapshot.tokens.values(), (token) => token.deviceId === id),
  };
}

function viewRequest(request: PairingRequest): PairingRequestView {
  const { code, comparison, host, address, browser, createdAtMs, expiresAtMs } = request;
  return { code, comparison, host, address, browser, createdAtMs, expiresAtMs };
}

function count<T>(items: Iterable<T>, fits: (item: T) => boolean): number {
  let found = 0;
  for (const item of items) if (fits(item)) found++;
  return found;
}
