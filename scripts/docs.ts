// npm run docs [-- --check]: writes the documents that are made from the code; with --check it only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { MADE_DOCUMENTS, renderDocument } from './docs/documents.ts';

const isCheck = process.argv.includes('--check');

for (const document of MADE_DOCUMENTS) {
  const file = new URL(`../${document.path}`, import.meta.url);
  const wanted = await renderDocument(document);
  const found = await readFile(file, 'utf8').catch(() => '');
  if (found === wanted) continue;
  if (isCheck) {
    console.error(`${document.path} differs from what it is made of: run "npm run docs"`);
    process.exitCode = 1;
  } else {
    await writeFile(file, wanted);
    console.error(`${document.path} written`);
  }
}
