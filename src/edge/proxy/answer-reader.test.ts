import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerReader } from './answer-reader.ts';
import { BadAnswer } from './response-head.ts';

/** What a reader makes of bytes that come in the given pieces. */
function readAll(pieces: readonly Buffer[], method = 'GET'): string {
  const seen: string[] = [];
  let body = '';
  const reader = new AnswerReader({
    onReaderInformational: ({ status }) => seen.push(`1xx ${status}`),
    onReaderHead: ({ status, fields }) => seen.push(`head ${status} ${fields.join('|')}`),
    onReaderBody: (chunk) => (body += chunk.toString('latin1')),
    onReaderEnd: (trailers) => seen.push(`body ${body}`, `end ${trailers.join('|')} ${reader.isAtEnd}`),
    onReaderSwitch: ({ status }, rest) => seen.push(`switch ${status} ${rest.toString('latin1')}`),
  });
  reader.start(method);
  try {
    for (const piece of pieces) reader.read(piece);
  } catch (error) {
    if (!(error instanceof BadAnswer)) throw error;
    seen.push('bad');
  }
  return seen.join('\n');
}

const ANSWERS = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-B: 2\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
  'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
];

test.each(ANSWERS)('%j reads the same, wherever it is cut', (text) => {
  const bytes = Buffer.from(text, 'latin1');
  const whole = readAll([bytes]);
  expect(whole).toMatch(/end .*true$/);
  expect(readAll(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toBe(whole);
  for (let cut = 1; cut < bytes.length; cut++) {
    expect(readAll([bytes.subarray(0, cut), bytes.subarray(cut)])).toBe(whole);
  }
});

test('bytes behind the end are noticed', () => {
  expect(readAll([Buffer.from(`${ANSWERS[0]}x`)])).toMatch(/end {2}false$/);
});

test('any bytes and any cuts: never an error of another kind, and the cuts make no difference to the body', () => {
  const parts = fc.constantFrom(
    'HTTP/1.1 200 OK\r\n',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    '\r\n',
    '3\r\n',
    'abc',
    '0\r\n',
    '\n',
    ':',
    '\0',
    'X-A: b\r\n',
    'HTTP/1.1 103 X\r\n',
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(parts, fc.string({ maxLength: 5 })), { maxLength: 12 }),
      fc.array(fc.nat(80)),
      (words, cuts) => {
        const bytes = Buffer.from(words.join(''), 'latin1');
        const pieces: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          if (cut > 0) pieces.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        pieces.push(bytes.subarray(at));
        const isTail = /false$/;
        const whole = readAll([bytes]);
        // Whether more came behind the end is known only when it came in the same piece.
        expect(readAll(pieces).replace(isTail, 'true')).toBe(whole.replace(isTail, 'true'));
      },
    ),
    { numRuns: 2000 },
  );
});
