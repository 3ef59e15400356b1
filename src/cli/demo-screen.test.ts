import { expect, test } from 'vitest';
import type { Demo } from '../demo/demo.ts';
import { curlCommand, describeDemo } from './demo-screen.ts';

const FOLDER = '/tmp/postern-demo-abcdef';
const demo = {
  url: 'https://chat.localhost:18443',
  user: 'owner',
  password: 'market-rail-giraffe-brave',
  ca: `${FOLDER}/ca.pem`,
  folder: FOLDER,
  signInUrl: 'https://chat.localhost:18443/.postern/sign-in',
  signInForm: `${FOLDER}/sign-in`,
  kind: 'web',
} as Demo;

test.each([undefined, 'http://127.0.0.1:18789'])(
  'fits 80 columns, and commands are one line: --to %s',
  (to) => {
    const lines = describeDemo(demo, to).split('\n');
    const tooLong = lines.filter((line) => line.length > 80);
    expect(lines).toContain(`  ${curlCommand(demo)}`);
    expect(tooLong.map((line) => line.slice(0, 16))).toEqual(['  curl --cacert ', '  POSTERN_HOME=/']);
  },
);
