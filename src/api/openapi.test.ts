import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openApiDocument } from './openapi-document.ts';

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: string[];
  readonly parameters?: Array<{ in: string; name: string; required?: boolean; schema?: object }>;
  readonly responses: Record<string, { description?: string; content?: Record<string, { schema?: object }> }>;
}
interface Document {
  readonly openapi: string;
  readonly info: object;
  readonly tags: Array<{ name: string }>;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, object> };
}

const document = (await openApiDocument()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

test('docs/openapi.json is what the code says (`socle config openapi > docs/openapi.json` writes it)', () => {
  const written = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');
  expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(document)));
});

test('it is OpenAPI 3.1 and describes every endpoint, GET only', () => {
  expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Socle', version: expect.any(String) } });
  expect(Object.keys(document.paths).sort()).toEqual([
    '/livez',
    '/metrics',
    '/readyz',
    '/v1/backups',
    '/v1/backups/{id}',
    '/v1/components',
    '/v1/components/{name}/readiness',
    '/v1/drift',
    '/v1/drills',
    '/v1/drills/latest',
    '/v1/drills/{id}',
    '/v1/drills/{id}/report.html',
    '/v1/health',
    '/v1/operations',
  ]);
  expect(new Set(operations.map((one) => one.method))).toEqual(new Set(['get']));
});

test('every operation has an id of its own, a summary, a known tag and described answers', () => {
  const tags = document.tags.map((tag) => tag.name);
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { operation } of operations) {
    expect(operation.summary).toBeTruthy();
    expect(tags).toEqual(expect.arrayContaining(operation.tags ?? ['none']));
    for (const answer of Object.values(operation.responses)) {
      expect(answer.description).toEqual(expect.any(String));
      for (const { schema } of Object.values(answer.content ?? {})) expect(schema).toBeTypeOf('object');
    }
  }
});

test('the parameters of a path are those that it names, and required', () => {
  for (const { path, operation } of operations) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const described = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(described.map((parameter) => parameter.name)).toEqual(named);
    expect(described.every((parameter) => parameter.required && parameter.schema)).toBe(true);
  }
});

test('every reference leads somewhere, and every named schema is used', () => {
  const references = new Set([...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]));
  const names = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect([...references].sort()).toEqual(names.sort());
});
