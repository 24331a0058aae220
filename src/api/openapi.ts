import type { FastifyDynamicSwaggerOptions, SwaggerTransformObject } from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { backupSchema } from '../backup/schema.ts';
import { drillReportSchema } from '../drill/schema.ts';
import { drillSummarySchema } from '../drill/summary.ts';
import { operationSchema } from '../governance/schema.ts';
import { driftSchema } from '../host/drift-report.ts';
import { socleVersion } from '../kernel/version.ts';
import { componentSchema, databaseStatusSchema, trackedSchema } from '../observability/schema.ts';
import { problemSchema } from './problems.ts';

/** The schemas that get a name in the document. */
function names() {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries({
    Backup: backupSchema,
    Component: componentSchema,
    DatabaseStatus: databaseStatusSchema,
    DrillReport: drillReportSchema,
    DrillSummary: drillSummarySchema,
    Operation: operationSchema,
    Drift: driftSchema,
    Problem: problemSchema,
    Tracked: trackedSchema,
  })) {
    registry.add(schema, { id });
  }
  return registry;
}

/** The pattern that zod adds to a date-time says what the format says, at great length. */
const zodToJsonConfig: NonNullable<Parameters<typeof createJsonSchemaTransform>[0]['zodToJsonConfig']> = {
  override: ({ jsonSchema }) => {
    if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
  },
};

/** Drops the schemas of what callers would send: this API takes no bodies. */
function withoutInputs(transform: SwaggerTransformObject): SwaggerTransformObject {
  return (document) => {
    const transformed = transform(document);
    if ('components' in transformed) {
      const { schemas = {} } = transformed.components ?? {};
      for (const name of Object.keys(schemas)) if (name.endsWith('Input')) delete schemas[name];
    }
    return transformed;
  };
}

/** Options of @fastify/swagger: OpenAPI 3.1, from the same zod schemas that check requests and answers. */
export function openApi(): FastifyDynamicSwaggerOptions {
  const schemaRegistry = names();
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Socle',
        version: socleVersion,
        description:
          'Backups, restore drills and their proof. GET only, on loopback only; errors are RFC 9457 problems.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
      },
      servers: [{ url: 'http://127.0.0.1:7410' }],
      tags: ['health', 'backups', 'drills', 'drift', 'operations', 'metrics'].map((name) => ({ name })),
    },
    convertConstToEnum: false,
    transform: createJsonSchemaTransform({ schemaRegistry, zodToJsonConfig }),
    transformObject: withoutInputs(createJsonSchemaTransformObject({ schemaRegistry, zodToJsonConfig })),
  };
}
