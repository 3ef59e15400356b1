import { afterEach, expect, test, vi } from 'vitest';
import { PosternError } from '../core/errors/index.ts';
import { printError } from './output.ts';

afterEach(() => vi.restoreAllMocks());

test('terminal escapes in the values of an error are shown, not obeyed, and its lines stay lines', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const reason = 'odd \u001b]0;title\u0007 value\nsecond line \u001b[2J';
  const status = printError(new PosternError('CLI_USAGE', { reason, command: 'up' }), false);
  const text = write.mock.calls.map(([chunk]) => String(chunk)).join('');
  expect(status).toBe(64);
  for (const control of ['\u0007', '\u001b']) expect(text).not.toContain(control);
  expect(text).toContain('odd \\u{1b}]0;title\\u{7} value\nsecond line \\u{1b}[2J');
});
