import { expect, test } from 'vitest';
import { parseTarget } from './target.ts';

test.each([
  ['http://127.0.0.1:18789', { kind: 'tcp', host: '127.0.0.1', port: 18_789, tls: false }],
  ['http://nas.lan/', { kind: 'tcp', host: 'nas.lan', port: 80, tls: false }],
  ['https://nas.lan', { kind: 'tcp', host: 'nas.lan', port: 443, tls: true }],
  ['http://[::1]:3000', { kind: 'tcp', host: '::1', port: 3000, tls: false }],
  ['unix:/run/a.sock', { kind: 'unix', path: '/run/a.sock' }],
])('%s', (to, target) => {
  expect(parseTarget(to)).toEqual(target);
});

test.each([
  'http://',
  'http://a:99999',
  'http://a:0',
  'ftp://a',
  'http://u:p@a',
  'http://a/path',
  'unix:rel',
  'a',
])('%s is no target', (to) => {
  expect(parseTarget(to)).toBeUndefined();
});
