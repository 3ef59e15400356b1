import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFirstMessage } from './first-message.ts';

const frame = (text: string): Buffer => {
  const body = Buffer.from(text);
  const head =
    body.length < 126
      ? Buffer.from([0x81, body.length])
      : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
  return Buffer.concat([head, body]);
};

test('a text in one frame is read, wherever it is cut and whatever follows', () => {
  for (const text of ['', 'ä', 'x'.repeat(125), 'y'.repeat(126), 'z'.repeat(65_535)]) {
    const bytes = frame(text);
    expect(readFirstMessage(Buffer.concat([bytes, Buffer.from([0x88, 0])]))).toEqual({ kind: 'text', text });
    for (const length of [0, 1, 2, 3, bytes.length - 1].filter((one) => one < bytes.length)) {
      expect(readFirstMessage(bytes.subarray(0, length))).toEqual({ kind: 'more' });
    }
  }
});

test.each([
  ['a part of a message', [0x01, 1, 0x61]],
  ['binary', [0x82, 1, 0x61]],
  ['a ping', [0x89, 0]],
  ['a close', [0x88, 0]],
  ['a compressed one', [0xc1, 1, 0x61]],
  ['a masked one', [0x81, 0x81, 0, 0, 0, 0, 0x61]],
  ['one of 64 bits', [0x81, 127]],
])('%s is none', (_name, bytes) => {
  expect(readFirstMessage(Buffer.from(bytes))).toEqual({ kind: 'none' });
});

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readFirstMessage(Buffer.from(bytes))),
  );
});
