import fc from 'fast-check';
import { expect, test } from 'vitest';
import { framingLines, stampForwarded, writeServiceHead } from './forwarded.ts';
import { type RequestHead, readRequestHead } from './request-head.ts';

const LIMITS = { headerBytes: 16_384, headerFields: 100, urlBytes: 8192 };
const NONE = { cookie: undefined, authorization: undefined };

/** Whatever a visitor sends, the service reads one request with the edge's stamp and nothing else by these names. */
test('any fields: refused, or one head with exactly one of each field that is ours to say', () => {
  const names = fc.constantFrom(
    'Host',
    'X-Forwarded-For',
    'x_forwarded_for',
    'Forwarded',
    'X-Real-IP',
    'Connection',
    'Content-Length',
    'content_length',
    'Transfer-Encoding',
    'Transfer_Encoding',
    'Upgrade',
    'Cookie',
    'X-A',
    'Accept',
    'TE',
    'Tailscale-User-Login',
    '__proto__',
    'constructor',
  );
  const values = fc.oneof(
    fc.constantFrom(
      'chunked',
      '5',
      'X-Forwarded-For',
      'a\r\nX-Forwarded-For: 1',
      'b\nc',
      '\0',
      'host',
      'x-a, close',
    ),
    fc.string({ unit: 'binary', maxLength: 10 }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.oneof(names, fc.string({ maxLength: 6 })), values), { maxLength: 12 }),
      fc.boolean(),
      (pairs, isHttp2) => {
        const head = readRequestHead('GET', '/x', ['Host', 'a.example', ...pairs.flat()], isHttp2, LIMITS);
        if (typeof head === 'number') return;
        const text = writeServiceHead(
          head,
          'a.example',
          stampForwarded('203.0.113.7', 'a.example'),
          NONE,
          framingLines(head, 'none'),
        );
        expect(text.endsWith('\r\n\r\n')).toBe(true);
        const lines = text.slice(0, -4).split('\r\n');
        expect(lines.every((line) => !/[\r\n\0]/.test(line))).toBe(true);
        const called = lines
          .slice(1)
          .map((line) => line.slice(0, line.indexOf(':')).toLowerCase().replaceAll('_', '-'));
        for (const name of ['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']) {
          expect(called.filter((one) => one === name)).toHaveLength(1);
        }
        for (const name of [
          'forwarded',
          'x-real-ip',
          'connection',
          'transfer-encoding',
          'upgrade',
          'te',
          'tailscale-user-login',
        ]) {
          expect(called).not.toContain(name);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test('a body is there by its framing alone', () => {
  const of = (...fields: string[]): boolean =>
    (readRequestHead('GET', '/', ['Host', 'a', ...fields], false, LIMITS) as RequestHead).hasBody;
  expect(of()).toBe(false);
  expect(of('Content-Length', '0')).toBe(false);
  expect(of('Content-Length', '000')).toBe(false);
  expect(of('Content-Length', '1')).toBe(true);
  expect(of('Transfer-Encoding', 'chunked')).toBe(true);
});
