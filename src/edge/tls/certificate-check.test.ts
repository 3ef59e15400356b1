import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { must } from '../../../test/support/namespace.ts';
import { makeTestFolder } from '../../../test/support/temporary-folder.ts';
import { runProcess } from '../../platform/processes.ts';
import { checkCertificate } from './certificate-check.ts';

const NAME = 'chat.example.com';
const DAY = 24 * 3_600_000;
let folder = '';

const openssl = (...args: string[]): Promise<string> => must(runProcess('openssl', args));
const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8');

/** Two authorities of the same name, and a leaf by the first. */
beforeAll(async () => {
  folder = makeTestFolder('cc-');
  const [ec, ...group] = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const authority of ['ca', 'other']) {
    const files = ['-keyout', join(folder, `${authority}.key`), '-out', join(folder, `${authority}.pem`)];
    await openssl(
      'req',
      '-x509',
      '-newkey',
      ec as string,
      ...group,
      '-days',
      '90',
      '-subj',
      '/CN=A',
      ...files,
    );
  }
  const leaf = ['-keyout', join(folder, 'leaf.key'), '-out', join(folder, 'leaf.pem')];
  const by = ['-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca.key')];
  const names = ['-subj', '/CN=cn.example.com', '-addext', `subjectAltName=DNS:${NAME}`];
  await openssl('req', '-x509', '-newkey', ec as string, ...group, '-days', '30', ...names, ...by, ...leaf);
});

async function check(change: { chain?: readonly string[]; key?: string; name?: string; inDays?: number }) {
  const chain = await Promise.all((change.chain ?? ['leaf.pem', 'ca.pem']).map(read));
  return checkCertificate({
    name: change.name ?? NAME,
    chain: chain.join(''),
    key: change.key === '' ? '' : await read(change.key ?? 'leaf.key'),
    nowMs: Date.now() + 1000 + (change.inDays ?? 0) * DAY,
  });
}

test('a certificate that fits may be served, and says from when to when', async () => {
  const checked = await check({});
  expect(checked.ok && Math.round((checked.endsMs - checked.startsMs) / DAY)).toBe(30);
});

test.each([
  ['another name', { name: 'other.example.com' }, 'it is not for other.example.com'],
  ['a name that only the subject has', { name: 'cn.example.com' }, 'it is not for'],
  ['another key', { key: 'ca.key' }, 'the key is not its own'],
  ['no key', { key: '' }, 'there is no private key'],
  ['one that has ended', { inDays: 31 }, 'it ended on'],
  ['one that has not begun', { inDays: -2 }, 'it starts on'],
  ['an issuer of the right name with another key', { chain: ['leaf.pem', 'other.pem'] }, 'its chain'],
  ['the chain in the wrong order', { chain: ['ca.pem', 'leaf.pem'] }, 'the key is not its own'],
  ['something else', { chain: ['leaf.key'] }, 'it holds no PEM certificate'],
])('%s may not', async (_what, change, reason) => {
  const checked = await check(change);
  expect(checked).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
});
