import { isPosternError } from '../core/errors/index.ts';
import { silentLog } from '../core/log.ts';
import { type ControlClient, connectToDaemon } from '../daemon/control/client.ts';
import { createRemoteAdmin } from '../edge/auth/admin-channel.ts';
import { createAuthAdmin } from '../edge/auth/admin-store.ts';
import type { AuthAdmin } from '../edge/auth/admin.ts';
import { STATE_MIGRATIONS } from '../edge/auth/schema.ts';
import { AuthStore } from '../edge/auth/store.ts';
import { systemClock } from '../platform/clock.ts';
import { type HomeFolder, homeFolder, makeHomeFolder } from '../platform/home-folder.ts';
import { openDatabase } from '../platform/sqlite.ts';

/**
 * Works on the login: through the daemon where one runs, else on its file. Both come to the same: a daemon that could
 * not be asked sees within a second what was written.
 */
export async function withAuthAdmin<T>(use: (admin: AuthAdmin) => Promise<T>): Promise<T> {
  const folder = homeFolder(process.env);
  const daemon = await findDaemon(folder);
  return daemon ? use(remoteAdmin(daemon)) : useStore(folder, use);
}

async function findDaemon(folder: HomeFolder): Promise<ControlClient | undefined> {
  try {
    const client = await connectToDaemon(folder);
    await client.status();
    return client;
  } catch (error) {
    if (isPosternError(error) && error.code.startsWith('DAEMON_')) return undefined;
    throw error;
  }
}

function remoteAdmin(daemon: ControlClient): AuthAdmin {
  return createRemoteAdmin(async (method, input) => {
    const answer = (await daemon.call('POST', `/v1/auth/${method}`, input)) as { result: unknown };
    return answer.result;
  });
}

async function useStore<T>(folder: HomeFolder, use: (admin: AuthAdmin) => Promise<T>): Promise<T> {
  await makeHomeFolder(folder);
  const database = await openDatabase(folder.databaseFile, STATE_MIGRATIONS);
  const store = new AuthStore(database, systemClock, silentLog);
  try {
    return await use(createAuthAdmin(store));
  } finally {
    store.close();
    database.close();
  }
}
