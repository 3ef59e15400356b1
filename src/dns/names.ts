import { PosternError } from '../core/errors/index.ts';
import { printable } from '../core/printable.ts';

/** Labels of letters, digits, hyphens; an underscore in front, as in `_acme-challenge`. */
const NAME = /^(?=.{1,253}$)_?(?!-)[a-z0-9-]{1,62}(?<!-)(\._?(?!-)[a-z0-9-]{1,62}(?<!-))*$/;

/**
 * The one form in which names are kept: lower case, without a final dot. Nothing that could end a line, a quote or
 * a label of somebody else's syntax gets through.
 * @throws DNS_NAME_INVALID
 */
export function checkName(name: string): string {
  const plain = name.toLowerCase().replace(/\.$/, '');
  if (!NAME.test(plain)) throw new PosternError('DNS_NAME_INVALID', { name: printable(name) });
  return plain;
}

/** Is it a name of ours at all? For what strangers send. */
export function parseName(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  const plain = name.toLowerCase().replace(/\.$/, '');
  return NAME.test(plain) ? plain : undefined;
}

/** The name itself and everything above it, longest first, without the root: `a.b.c` → `a.b.c`, `b.c`, `c`. */
export function suffixesOf(name: string): readonly string[] {
  const labels = name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}

/** What a zone could be called: every suffix of at least two labels, longest first. */
export function zoneCandidatesOf(name: string): readonly string[] {
  return suffixesOf(name).filter((suffix) => suffix.includes('.'));
}

/** Is `name` the zone itself or below it? */
export function isWithin(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

/** Where the mark of ownership of a name stands. */
export const markNameOf = (name: string): string => `_postern.${name}`;
