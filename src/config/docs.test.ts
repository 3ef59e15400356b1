import { expect, test } from 'vitest';
import { renderConfigDocument, renderConfigSchema } from './docs.ts';
import { type SchemaNode, jsonSchemaOfConfig } from './explain.ts';
import { parseConfig } from './parse.ts';

function keysOf(node: SchemaNode, parent = ''): { key: string; node: SchemaNode }[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const key = parent === '' ? name : `${parent}.${name}`;
    const below = child.type === 'array' ? keysOf(child.items ?? {}, `${key}[]`) : keysOf(child, key);
    return [{ key, node: child }, ...below];
  });
}

test('every key of the schema has a description, and stands in the document', () => {
  const text = renderConfigDocument();
  const keys = keysOf(jsonSchemaOfConfig());
  expect(keys.length).toBeGreaterThan(50);
  for (const { key, node } of keys) {
    expect(node.description, key).toMatch(/\.$/);
    expect(text).toContain(`- \`${key}\` (`);
  }
});

test('defaults and bounds are the schema’s', () => {
  const text = renderConfigDocument();
  expect(text).toContain('- `link.connections` (1 to 8; left out: `2`): ');
  expect(text).toContain('- `services[].tls` (`home` or `relay`; left out: `home`): ');
  expect(text).toContain('- `home` (text; **has to be there**): ');
});

test('the sample of the document is right', () => {
  const sample = /```yaml\n([^]*?)```/.exec(renderConfigDocument())?.[1]?.replace('AAAAI…', 'AAAAI') ?? '';
  expect(parseConfig(sample)).toMatchObject({ kind: 'config' });
});

test('the JSON Schema refuses unknown keys and knows what has to be there', () => {
  const schema = JSON.parse(renderConfigSchema()) as Record<string, unknown>;
  expect(schema).toMatchObject({ additionalProperties: false, required: ['home', 'relay', 'services'] });
});
