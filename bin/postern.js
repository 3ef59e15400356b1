#!/usr/bin/env node
// Plain JavaScript that every Node understands: it checks the version before anything newer is parsed.
import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `postern: this is Node ${process.versions.node}, and Postern needs Node 22.19 or newer: install a current one from https://nodejs.org and try again.`,
  );
  process.exit(64);
}
// A daemon keeps the room that its start took: until it runs (src/platform/young-heap.ts), V8 collects instead of growing.
if (process.argv[2] === 'up') setFlagsFromString('--semi-space-growth-factor=1');
// A checkout runs its TypeScript as it is; the package ships JavaScript only.
const source = new URL('../src/cli/main.ts', import.meta.url);
const built = new URL('../dist/main.js', import.meta.url);
const { main } = await import((existsSync(source) ? source : built).href);
await main(process.argv.slice(2));
