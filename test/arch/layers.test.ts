import { expect, test } from 'vitest';
import { LAYERS, LAYERS_TO_COME, PACKAGES, findLayerFaults, findPackageFaults } from './layers.ts';
import { importsOf } from './imports.ts';
import { programFiles, readRepository } from './repository.ts';

const files = readRepository();

test('imports go one way', () => {
  expect(findLayerFaults(files)).toEqual([]);
});

test('each package is used by the part it belongs to', () => {
  expect(findPackageFaults(files)).toEqual([]);
});

test('every row of the table still has its folder, and what it names exists', () => {
  const folders = new Set(
    programFiles(files).flatMap(({ path }) => {
      const parts = path.split('/').slice(1, -1);
      return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    }),
  );
  for (const { folder, mayImport, mayImportTypesOf = [] } of LAYERS) {
    expect(folders, `src/${folder} has vanished: take its row out`).toContain(folder);
    for (const goal of [...mayImport, ...mayImportTypesOf].filter((name) => !LAYERS_TO_COME.includes(name))) {
      expect(folders, `${folder} may import src/${goal}, which has vanished`).toContain(goal);
    }
  }
  for (const name of LAYERS_TO_COME) {
    expect(folders, `src/${name} has come: give it a row`).not.toContain(name);
  }
});

test('every package of the table is still used', () => {
  const used = new Set(
    programFiles(files).flatMap((file) => importsOf(file).map(({ specifier }) => specifier)),
  );
  for (const { name } of PACKAGES)
    expect([...used], `${name} has vanished: take its row out`).toContain(name);
});

test.each([
  ['src/core/x.ts', "import { y } from '../platform/y.ts';"],
  ['src/link/x.ts', "import { y } from '../edge/y.ts';"],
  ['src/link/x.ts', "import type { Y } from '../edge/contract.ts';"],
  ['src/link/x.ts', "import { configSchema } from '../config/schema.ts';"],
  ['src/edge/auth/x.ts', "import { y } from '../../link/y.ts';"],
  ['src/gateway/x.ts', "export * from '../daemon/y.ts';"],
  ['src/daemon/x.ts', "const y = await import('../provision/y.ts');"],
  ['src/provision/render/x.ts', "import { y } from '../../platform/y.ts';"],
  ['src/provision/render/x.ts', "import { y } from '../apply.ts';"],
  ['src/edge/x.ts', "import { y } from '../../test/support/y.ts';"],
  ['src/novelty/x.ts', ''],
])('a wrong arrow is seen: %s, %s', (path, text) => {
  expect(findLayerFaults([{ path, text }])).toHaveLength(1);
});

test.each([
  ['src/link/x.ts', "import type { Config } from '../config/schema.ts';"],
  ['src/edge/auth/x.ts', "import { y } from '../contract.ts';"],
  ['src/provision/x.ts', "import { y } from './render/y.ts';"],
  ['src/link/x.test.ts', "import { y } from '../edge/y.ts';"],
])('a right arrow is left alone: %s, %s', (path, text) => {
  expect(findLayerFaults([{ path, text }])).toEqual([]);
});

test('a package in the wrong folder is seen', () => {
  expect(findPackageFaults([{ path: 'src/link/x.ts', text: "import { Client } from 'ssh2';" }])).toHaveLength(
    1,
  );
  expect(findPackageFaults([{ path: 'src/edge/x.ts', text: "import pino from 'pino/file';" }])).toHaveLength(
    1,
  );
});
