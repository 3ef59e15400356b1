import { expect, test } from 'vitest';
import { readRepository } from './repository.ts';
import { findScriptFaults } from './remote-scripts.ts';

test('scripts for a relay have fixed texts', () => {
  expect(findScriptFaults(readRepository())).toEqual([]);
});

const SCRIPT = 'src/provision/remote/scripts/x.ts';

test.each([
  [SCRIPT, 'export const X: RemoteScript = { name: "x", text: `rm ${path}` };'],
  [SCRIPT, "export const X: RemoteScript = { name: 'x', text: 'rm ' + path };"],
  [SCRIPT, "export const X = 'rm PATH'.replace('PATH', path);"],
  [SCRIPT, 'export const x = (path: string) => path;'],
  [SCRIPT, "import { quoteForShell } from '../quote.ts';"],
  ['src/provision/resources/x.ts', "const X: RemoteScript = { name: 'x', text: 'id' };"],
])('%s: the fault is seen in %s', (path, text) => {
  expect(findScriptFaults([{ path, text }])).toHaveLength(1);
});

test.each([
  'export const X: RemoteScript = { name: "x", text: `echo "\\${1-}" + "$2"` };',
  "export const X = [A, 'id'].join('\\n');",
  "import type { RemoteScript } from '../shell.ts';",
  "import { FUNCTIONS } from './files.ts';",
])('left alone: %s', (text) => {
  expect(findScriptFaults([{ path: SCRIPT, text }])).toEqual([]);
});
