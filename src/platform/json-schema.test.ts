import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { type JsonSchema, platformJsonSchema } from './json-schema.ts';
import { parsePlatform } from './load.ts';

const docs = (name: string) => readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

/** Every key of the schema with its path: `backup.vault.repository`, `databases[].name`. */
function keysOf(schema: JsonSchema, path = ''): { path: string; schema: JsonSchema }[] {
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const here = path === '' ? key : `${path}.${key}`;
    return [{ path: here, schema: value }, ...keysOf(value, here)];
  });
  return [...inner, ...(schema.items ? keysOf(schema.items, `${path}[]`) : [])];
}

const keys = keysOf(platformJsonSchema());

test('every key says what it is', () => {
  expect(keys.length).toBeGreaterThan(50);
  expect(keys.filter(({ schema }) => !schema.description).map(({ path }) => path)).toEqual([]);
});

test('the documented example is valid, and shows nearly every key', async () => {
  const text = await docs('platform.example.yaml');
  const platform = parsePlatform(text, 'docs/platform.example.yaml');
  expect(platform.databases).toHaveLength(2);
  const written = JSON.stringify(parseDocument(text).toJS());
  const left = ['base', 'local_only', 'cert', 'key'];
  const absent = keys
    .map(({ path }) => path.split('.').at(-1) as string)
    .filter((key) => !written.includes(`"${key}"`));
  expect(absent.filter((key) => !left.includes(key))).toEqual([]);
});

test('docs/platform.schema.json is what `socle config schema` prints', async () => {
  expect(JSON.parse(await docs('platform.schema.json'))).toEqual(JSON.parse(JSON.stringify(platformJsonSchema())));
});

test('the reference has every key with its default', async () => {
  const reference = await docs('platform.md');
  for (const { path, schema } of keys) {
    const line = reference.split('\n').find((text) => text.startsWith(`| \`${path}\` |`));
    expect(line, path).toBeDefined();
    if (['string', 'number', 'boolean'].includes(typeof schema.default))
      expect(line).toContain(`\`${schema.default}\``);
  }
});
