import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printable } from '../core/printable.ts';
import { listProblems } from './load.ts';
import { parseConfig } from './parse.ts';
import { SecretReference } from './secrets.ts';

const GOLDEN = join(import.meta.dirname, '../../test/golden/config');

const MINIMAL = `home: mac
relay: { host: vps.example.com }
services:
  - name: chat.example.com
    to: http://127.0.0.1:18789
`;

describe('mistakes are named with line, column and remedy: test/golden/config, input above the dashes', () => {
  test.each(readdirSync(GOLDEN))('%s', (name) => {
    const [input = '', expected = ''] = readFileSync(join(GOLDEN, name), 'utf8').split(/^-{10,}\n/m);
    const parsed = parseConfig(input);
    expect(parsed.kind === 'config' ? 'no mistake' : listProblems('postern.yaml', parsed.problems)).toBe(
      expected.trimEnd(),
    );
  });
});

test('what is left out is filled in, a secret becomes a reference', () => {
  const parsed = parseConfig(`${MINIMAL}dns: { provider: cloudflare, token: "env:CF" }\n`);
  if (parsed.kind !== 'config') throw new Error('refused');
  expect(parsed.config).toMatchObject({
    relay: { port: 22, httpsPort: 443 },
    link: { connections: 2, heartbeatMs: 1000 },
    services: [{ kind: 'web', tls: 'home', auth: 'login', login: { pairing: 'required' } }],
  });
  expect(parsed.config.dns?.token).toBeInstanceOf(SecretReference);
  expect(parsed.locate(['dns', 'token'])).toEqual({ line: 6, column: 37 });
});

test('a few lines of aliases do not stand for gigabytes', () => {
  const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n}, `.repeat(9)}]`);
  const parsed = parseConfig(`l0: &l0 [x]\n${levels.join('\n')}\n`);
  expect(parsed.kind).toBe('syntax');
});

test('no text whatever makes it throw, and every problem lies within the text', () => {
  const line = fc.oneof(
    fc.constantFrom(...MINIMAL.split('\n'), '- a', 'x: &a', 'y: *a', '<<: *a', '? [', '__proto__: 1', '\t'),
    fc.string({ maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const text = lines.join('\n');
      const parsed = parseConfig(text);
      if (parsed.kind === 'config') return;
      expect(parsed.problems.length).toBeGreaterThan(0);
      for (const problem of parsed.problems) {
        expect(problem.line).toBeGreaterThanOrEqual(1);
        expect(problem.line).toBeLessThanOrEqual(text.split(/\r\n|\r|\n/).length + 1);
        expect(problem.column).toBeGreaterThanOrEqual(1);
        expect(printable(problem.text, 10_000)).toBe(problem.text);
      }
    }),
    { numRuns: 500 },
  );
});

test('a value is never quoted: it may be a secret in the wrong place', () => {
  const canary = 'S3CR3T-C4N4RY';
  for (const key of ['home', 'relay', 'services', 'dns', 'link']) {
    const parsed = parseConfig(`${MINIMAL.replace(new RegExp(`^${key}:.*$`, 'm'), '')}${key}: ${canary}\n`);
    expect(JSON.stringify(parsed)).not.toContain(canary);
  }
  const nested = parseConfig(`${MINIMAL}    kind: ${canary}\n    auth: ${canary}\n`);
  expect(nested.kind).toBe('invalid');
  expect(JSON.stringify(nested)).not.toContain(canary);
});
