import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineReader } from './lines.ts';

function read(chunks: readonly Buffer[], maxBytes = 10): { lines: string[]; tooLong: number } {
  const lines: string[] = [];
  let tooLong = 0;
  const reader = new LineReader(
    maxBytes,
    (line) => lines.push(line),
    () => tooLong++,
  );
  for (const chunk of chunks) reader.push(chunk);
  return { lines, tooLong };
}

test('lines come whole however the bytes arrive', () => {
  const text = Buffer.from('one\ntwo\r\n\nthree\n');
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), text.length];
      const chunks = edges.slice(1).map((edge, index) => text.subarray(edges[index], edge));
      expect(read(chunks).lines).toEqual(['one', 'two', '', 'three']);
    }),
  );
});

test('a line at the limit passes, one byte more does not, an endless one holds no memory', () => {
  expect(read([Buffer.from('0123456789\n')])).toEqual({ lines: ['0123456789'], tooLong: 0 });
  expect(read([Buffer.from('0123456789a\nb\n')])).toEqual({ lines: ['b'], tooLong: 1 });
  expect(read(Array.from({ length: 50 }, () => Buffer.alloc(1000, 97))).tooLong).toBe(50);
});
