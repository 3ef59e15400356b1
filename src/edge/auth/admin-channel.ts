import * as z from 'zod';
import { PosternError } from '../../core/errors/index.ts';
import type { AuthAdmin } from './admin.ts';

type Method = keyof AuthAdmin;

const nothing = z.strictObject({});
const id = z.strictObject({ id: z.string() });
const code = z.strictObject({ code: z.string() });
const credentials = z.strictObject({ name: z.string(), password: z.string().optional() });

/** What each method takes, checked on the daemon's side of the control socket. */
const INPUTS = {
  listUsers: nothing,
  addUser: credentials,
  setPassword: credentials,
  removeUser: z.strictObject({ name: z.string() }),
  listSessions: nothing,
  revokeSession: id,
  revokeAllSessions: nothing,
  listDevices: nothing,
  listRequests: nothing,
  findRequest: code,
  approveRequest: z.strictObject({ code: z.string(), comparison: z.string() }),
  rejectRequest: code,
  renameDevice: z.strictObject({ id: z.string(), name: z.string() }),
  revokeDevice: id,
  makeToken: id,
  listAudit: z.strictObject({ limit: z.int().min(1).max(10_000) }),
} satisfies Record<Method, z.ZodType>;

/**
 * Calls one method by its name with data from another process.
 * @throws DAEMON_REFUSED for a name or an input that the interface does not have, and what the method throws
 */
export async function callAdmin(admin: AuthAdmin, method: string, input: unknown): Promise<unknown> {
  if (!Object.hasOwn(INPUTS, method)) {
    throw new PosternError('DAEMON_REFUSED', { reason: 'there is no such call' });
  }
  const parsed = INPUTS[method as Method].safeParse(input);
  if (!parsed.success) {
    throw new PosternError('DAEMON_REFUSED', { reason: `the input of ${method} is not what is expected` });
  }
  const call = admin[method as Method] as (input: unknown) => Promise<unknown>;
  return call(parsed.data);
}

/**
 * The same interface over a channel.
 * @param send carries a method's name and its input to `callAdmin`, and the result back
 */
export function createRemoteAdmin(send: (method: string, input: unknown) => Promise<unknown>): AuthAdmin {
  const methods = Object.keys(INPUTS).map((method) => [
    method,
    (input: unknown = {}): Promise<unknown> => send(method, input),
  ]);
  return Object.fromEntries(methods) as AuthAdmin;
}
