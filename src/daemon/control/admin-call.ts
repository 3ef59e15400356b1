import { PosternError } from '../../core/errors/index.ts';
import type { AuthAdmin } from '../../edge/auth/admin.ts';

/** What may be called from outside; a name that is not here does not exist, whatever the object has. */
const ADMIN_METHODS = [
  'listUsers',
  'addUser',
  'setPassword',
  'removeUser',
  'listSessions',
  'revokeSession',
  'revokeAllSessions',
  'listDevices',
  'listRequests',
  'findRequest',
  'approveRequest',
  'rejectRequest',
  'renameDevice',
  'revokeDevice',
  'makeToken',
  'listAudit',
] as const satisfies readonly (keyof AuthAdmin)[];

/**
 * Calls one method of the login's interface by name.
 * @throws DAEMON_REFUSED for a name that is not in the list; what the method throws
 */
export async function callAdmin(admin: AuthAdmin, method: string, input: unknown): Promise<unknown> {
  const name = ADMIN_METHODS.find((known) => known === method);
  if (!name) throw new PosternError('DAEMON_REFUSED', { reason: 'there is no such call' });
  // Each method checks what it is given: the input comes from another process.
  return (admin[name] as (input: unknown) => Promise<unknown>)(input);
}
