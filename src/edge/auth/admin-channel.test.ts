import { expect, test } from 'vitest';
import { PASSWORD, makeLogin } from '../../../test/support/login.ts';
import { callAdmin, createRemoteAdmin } from './admin-channel.ts';

test('the interface is the same at the far end of a JSON channel', async () => {
  const { admin } = (await makeLogin()).keeper;
  const remote = createRemoteAdmin(async (method, input) => {
    const sent = JSON.parse(JSON.stringify(input)) as unknown;
    return JSON.parse(JSON.stringify((await callAdmin(admin, method, sent)) ?? null)) as unknown;
  });
  await remote.addUser({ name: 'bob', password: PASSWORD });
  expect(await remote.listUsers()).toEqual(await admin.listUsers());
  for (const method of Object.keys(admin)) expect(remote).toHaveProperty(method);
  await expect(remote.removeUser({ name: 'nobody' })).rejects.toMatchObject({ code: 'AUTH_USER_UNKNOWN' });
});

test.each([
  ['constructor', {}],
  ['__proto__', {}],
  ['listUsers', { more: 1 }],
  ['addUser', { name: 1 }],
  ['addUser', null],
  ['listAudit', { limit: -1 }],
])('%s with %j is refused', async (method, input) => {
  const { admin } = (await makeLogin()).keeper;
  await expect(callAdmin(admin, method, input)).rejects.toMatchObject({ code: 'DAEMON_REFUSED' });
});
