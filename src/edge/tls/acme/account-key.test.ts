import { chmod, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTestFolder } from '../../../../test/support/temporary-folder.ts';
import { makeKeyPem, openAccountKey, parseAccountKey, thumbprintOf } from './account-key.ts';

test('the thumbprint is that of RFC 7638: the key and jkt of RFC 9449 §6.1', () => {
  const jwk = {
    kty: 'EC',
    x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
    y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
    crv: 'P-256',
  } as const;
  expect(thumbprintOf(jwk)).toBe('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I');
});

test('the key is made once, for this user alone, also when two programs start at once', async () => {
  const path = join(makeTestFolder('acme-'), 'account.key');
  const keys = await Promise.all([openAccountKey(path), openAccountKey(path), openAccountKey(path)]);
  expect(new Set(keys.map(({ thumbprint }) => thumbprint)).size).toBe(1);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await openAccountKey(path)).thumbprint).toBe(keys[0]?.thumbprint);
});

test('a key that others may read, or that is none, is refused and left as it is', async () => {
  const path = join(makeTestFolder('acme-'), 'account.key');
  await writeFile(path, 'no key', { mode: 0o600 });
  await expect(openAccountKey(path)).rejects.toMatchObject({ code: 'ACME_FILE_UNUSABLE' });
  await writeFile(path, makeKeyPem());
  await chmod(path, 0o644);
  await expect(openAccountKey(path)).rejects.toThrow('chmod 600');
});

test.each(['', 'x', '-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n'])(
  '%j is no key',
  (pem) => {
    expect(parseAccountKey(pem)).toBeUndefined();
  },
);
