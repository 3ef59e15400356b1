import { expect, test } from 'vitest';
import { LiveLines } from './live-lines.ts';

function record(isTTY: boolean, columns = 80) {
  let written = '';
  const lines = new LiveLines({ isTTY, columns, write: (text) => (written += text) });
  const taken = (): string => {
    const text = written;
    written = '';
    return text;
  };
  return { lines, taken };
}

const line = (live: string, plain = live) => ({ key: 'link 1', live, plain });

test('in a terminal the lines are written over, also when one takes two rows', () => {
  const { lines, taken } = record(true, 20);
  lines.update([line('up 1 ms'), { ...line('x'.repeat(30)), key: 'link 2' }]);
  expect(taken()).toBe(`up 1 ms\n${'x'.repeat(30)}\n`);
  lines.update([line('up 2 ms')]);
  expect(taken()).toBe('\u001b[3A\u001b[Jup 2 ms\n');
});

test('a note stays above the live lines', () => {
  const { lines, taken } = record(true);
  lines.update([line('up')]);
  taken();
  lines.note('hello');
  lines.update([line('up')]);
  expect(taken()).toBe('\u001b[1A\u001b[Jhello\nup\n');
});

test('elsewhere a line is written once for each change, without control sequences', () => {
  const { lines, taken } = record(false);
  lines.update([line('up 1 ms', 'up')]);
  lines.update([line('up 2 ms', 'up')]);
  lines.note('hello');
  lines.update([line('down')]);
  lines.update([]);
  lines.update([line('down')]);
  expect(taken()).toBe('up\nhello\ndown\ndown\n');
});
