import { expect, test } from 'vitest';
import { HABITS, findHabit, findReachingImports } from './hands.ts';
import { readRepository } from './repository.ts';

const files = readRepository();

test('only platform touches processes, files and the network', () => {
  expect(findReachingImports(files)).toEqual([]);
});

test.each(HABITS)('$name: $because', (habit) => {
  expect(findHabit(files, habit)).toEqual([]);
});

test.each([
  ['src/core/x.ts', 'node:path'],
  ['src/daemon/x.ts', 'node:child_process'],
  ['src/cli/x.ts', 'node:fs/promises'],
  ['src/link/x.ts', 'node:net'],
  ['src/edge/x.ts', 'node:fs'],
  ['src/edge/x.ts', 'node:dns'],
])('%s must not import %s', (path, module) => {
  expect(findReachingImports([{ path, text: `import * as x from '${module}';` }])).toHaveLength(1);
});

test.each([
  ['src/platform/x.ts', 'node:child_process'],
  ['src/edge/proxy/x.ts', 'node:http2'],
  ['src/link/x.ts', 'node:crypto'],
])('%s may import %s', (path, module) => {
  expect(findReachingImports([{ path, text: `import * as x from '${module}';` }])).toEqual([]);
});

test.each([
  ['the terminal', "console.log('x');"],
  ['the terminal', 'process.stderr.write(x);'],
  ['the end of the process', 'process.exit(1);'],
  ['the end of the process', 'process.exitCode = 1;'],
  ["the system's clock", 'const now = Date.now();'],
  ["the system's clock", 'setTimeout(go, 5);'],
  ['the network', 'await fetch(url);'],
  ['zod by its member', "import { z } from 'zod';"],
])('%s is seen in: %s', (name, text) => {
  const habit = HABITS.find((one) => one.name === name)!;
  expect(findHabit([{ path: 'src/edge/x.ts', text }], habit)).toHaveLength(1);
  expect(findHabit([{ path: 'src/edge/x.ts', text: `// ${text}` }], habit)).toEqual([]);
  for (const folder of habit.folders) {
    expect(findHabit([{ path: `src/${folder}/x.ts`, text }], habit)).toEqual([]);
  }
});

test('zod as a namespace is right', () => {
  const habit = HABITS.find(({ name }) => name === 'zod by its member')!;
  expect(findHabit([{ path: 'src/edge/x.ts', text: "import * as z from 'zod';" }], habit)).toEqual([]);
});
