import { fileURLToPath } from 'node:url';
import { readBoundedFile } from '../platform/files.ts';

/** A file of the page, as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
}

const FILES = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/page.css', file: 'page.css', type: 'text/css; charset=utf-8' },
  { path: '/page.js', file: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/icon.svg', file: 'icon.svg', type: 'image/svg+xml' },
] as const;

/** The sample assistant's page, by path. */
export async function loadPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const entries = FILES.map(async ({ path, file, type }) => {
    const result = await readBoundedFile(fileURLToPath(new URL(`./page/${file}`, import.meta.url)));
    if (!result.ok)
      throw new Error(`a file of Postern's own is not readable: demo/page/${file}: ${result.reason}`);
    return [path, { type, bytes: result.file.bytes }] as const;
  });
  return new Map(await Promise.all(entries));
}
