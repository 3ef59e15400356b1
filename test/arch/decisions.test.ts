import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './repository.ts';

const folder = join(ROOT, 'docs/adr');
const records = readdirSync(folder).filter((name) => name !== 'README.md');

test('a decision has a number of its own', () => {
  expect(records.filter((name) => !/^\d{3}-[a-z0-9-]+\.md$/.test(name))).toEqual([]);
  const numbers = records.map((name) => name.slice(0, 3));
  expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
  const misnamed = records.filter(
    (name) => !readFileSync(join(folder, name), 'utf8').startsWith(`# ${name.slice(0, 3)} `),
  );
  expect(misnamed).toEqual([]);
});

test('every decision is listed once, in order, under its number', () => {
  const rows = [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/^\| \[(\d+)\]\(([^)]+)\)/gm)];
  expect(rows.map(([, , name]) => name)).toEqual(records.toSorted());
  expect(rows.filter(([, number, name]) => name?.slice(0, 3) !== number)).toEqual([]);
});
