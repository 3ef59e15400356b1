import { posix } from 'node:path';
import type { SourceFile } from './repository.ts';

/** Files and folders that a document names, in code spans and links, and that are not there: `document: name`. */
export function findLostReferences(
  documents: readonly SourceFile[],
  paths: readonly string[],
): readonly string[] {
  const known = new Set(paths.flatMap((path) => [path, ...parentsOf(path)]));
  return documents.flatMap(({ path, text }) =>
    [...namesIn(path, text)].filter((name) => !known.has(name)).map((name) => `${path}: ${name}`),
  );
}

function namesIn(path: string, text: string): Set<string> {
  const spans = [...text.matchAll(/`((?:src|test|bench|docs|scripts|bin)\/[\w./-]*)`/g)].map(
    ([, name]) => name ?? '',
  );
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map(([, goal]) =>
    posix.join(posix.dirname(path), goal ?? ''),
  );
  return new Set([...spans, ...links].map((name) => name.replace(/\/$/, '')));
}

const parentsOf = (path: string): string[] =>
  path
    .split('/')
    .slice(0, -1)
    .map((_, index, parts) => parts.slice(0, index + 1).join('/'));
