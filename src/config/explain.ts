import * as z from 'zod';
import { nearest } from '../core/nearest.ts';
import { printable } from '../core/printable.ts';
import { configSchema } from './schema.ts';

/** The part of a JSON Schema that explanations are made of. */
export interface SchemaNode {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
}

/** The configuration's JSON Schema as a person writes it: before defaults are filled in. */
export function jsonSchemaOfConfig(): SchemaNode {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
}

export type ConfigPath = readonly PropertyKey[];

/** A mistake in words, and which node of the file it is about. */
export interface Explanation {
  readonly path: ConfigPath;
  /** The name of the key counts, not its value. */
  readonly isAboutKey: boolean;
  readonly text: string;
}

/** Puts one issue of the schema into words: what is wrong, then the remedy. Values are never quoted: they may be secrets. */
export function explainIssue(issue: z.core.$ZodIssue, input: unknown, schema: SchemaNode): Explanation[] {
  const key = keyName(issue.path);
  const node = nodeAt(schema, issue.path);
  const about = (text: string): Explanation[] => [{ path: issue.path, isAboutKey: false, text }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((unknown) => ({
        path: [...issue.path, unknown],
        isAboutKey: true,
        text: explainUnknownKey(unknown, issue.path, node),
      }));
    case 'invalid_type':
      return about(
        valueAt(input, issue.path) === undefined
          ? `${key} is missing: ${node?.description ? `add it. ${withoutStop(node.description)}` : expectation(node)}`
          : `${key} is not of the right kind: ${expectation(node)}`,
      );
    case 'invalid_value':
      return about(`${key} has a value that is not known: ${expectation(node)}`);
    case 'too_small':
    case 'too_big':
      return about(explainRange(key, issue, node));
    case 'invalid_format':
      return about(`${key} ${issue.message}`);
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'invalid_union':
    case 'not_multiple_of':
      return about(`${key}: ${issue.message}`);
  }
}

function explainUnknownKey(unknown: string, parent: ConfigPath, node: SchemaNode | undefined): string {
  const known = Object.keys(node?.properties ?? {});
  const meant = nearest(unknown, known);
  const place = parent.length === 0 ? 'a key of the configuration' : `a key of ${keyName(parent)}`;
  const remedy = meant ? `did you mean ${meant}?` : `known here: ${known.join(', ')}`;
  return `${printable(unknown, 60)} is not ${place}: ${remedy}`;
}

function explainRange(
  key: string,
  issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
  node: SchemaNode | undefined,
): string {
  const isOfNumbers = issue.origin === 'number' || issue.origin === 'int';
  if (isOfNumbers) return `${key} is out of range: ${expectation(node)}`;
  if (issue.code === 'too_big') return `${key} is too long: at most ${issue.maximum}`;
  return `${key} is empty: ${issue.origin === 'array' ? 'add an entry, behind "- "' : expectation(node)}`;
}

/** What has to stand at a node, as an instruction. */
function expectation(node: SchemaNode | undefined): string {
  if (node?.enum) return `write one of ${node.enum.map(String).join(', ')}`;
  switch (node?.type) {
    case 'integer':
    case 'number':
      return `write a whole number from ${node.minimum} to ${node.maximum}`;
    case 'boolean':
      return 'write true or false';
    case 'array':
      return 'write a list, each entry on a line of its own behind "- "';
    case 'object':
      return `write keys below it, such as ${Object.keys(node.properties ?? {})
        .slice(0, 3)
        .join(', ')}`;
    case 'string':
    case undefined:
    default:
      return 'write a text (in quotes when it looks like a number)';
  }
}

function withoutStop(text: string): string {
  return text.replace(/\.$/, '');
}

/** `services[0].name` */
export function keyName(path: ConfigPath): string {
  if (path.length === 0) return 'the configuration';
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${printable(String(part), 60)}`,
    )
    .join('');
}

function nodeAt(schema: SchemaNode, path: ConfigPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema;
  for (const part of path) node = typeof part === 'number' ? node?.items : node?.properties?.[String(part)];
  return node;
}

function valueAt(input: unknown, path: ConfigPath): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
