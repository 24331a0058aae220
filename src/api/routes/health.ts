import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { fail } from '../../kernel/errors.ts';
import { socleVersion } from '../../kernel/version.ts';
import { componentSchema, databaseStatusSchema, outcomeSchema, trackedSchema } from '../../observability/schema.ts';
import { worst } from '../../observability/states.ts';
import type { ApiDeps } from '../deps.ts';
import { problemSchema, problemType } from '../problems.ts';

/** As in the health+json draft (inadarei-06): an array per component, with our ages added. */
const checkSchema = z.object({
  status: outcomeSchema,
  time: z.iso.datetime().nullable(),
  ageMs: z.number().nullable(),
  maxAgeMs: z.number(),
  output: z.string(),
});

export const healthSchema = z.object({
  status: outcomeSchema,
  timestamp: z.iso.datetime(),
  version: z.string(),
  description: z.string(),
  checks: z.record(z.string(), z.array(checkSchema)),
  databases: z.array(databaseStatusSchema),
  integrity: trackedSchema,
  datastore: trackedSchema.nullable(),
  copies: trackedSchema.nullable(),
  retention: trackedSchema.nullable(),
});

const readinessSchema = componentSchema.extend({ ready: z.boolean() });
const problems = { description: 'a problem', content: { [problemType]: { schema: problemSchema } } };
const healthJson = (description: string) => ({
  description,
  content: { 'application/health+json': { schema: healthSchema } },
});

/** ES-1, ES-2, and the two that a process manager asks. */
export function healthRoutes(deps: ApiDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/v1/health',
      {
        schema: {
          operationId: 'health',
          summary: 'the whole platform: pass, warn or fail, with the age of every check',
          tags: ['health'],
          response: { 200: healthJson('pass or warn'), 503: healthJson('fail') },
        },
      },
      async (_request, reply) => {
        const components = deps.components();
        const { platform, environment, databases, integrity, datastore, copies, retention } = deps.status();
        const status = worst(components.map((component) => component.status));
        const checks = Object.fromEntries(
          components.map(({ name, status, checkedAt, ageMs, maxAgeMs, detail }) => [
            name,
            [{ status, time: checkedAt, ageMs, maxAgeMs, output: detail }],
          ]),
        );
        reply.code(status === 'fail' ? 503 : 200).type('application/health+json');
        return {
          status,
          timestamp: new Date().toISOString(),
          version: socleVersion,
          description: `${platform} (${environment})`,
          checks,
          databases,
          integrity,
          datastore,
          copies,
          retention,
        };
      },
    );

    app.get(
      '/v1/components',
      {
        schema: {
          operationId: 'components',
          summary: 'every component with its last result',
          tags: ['health'],
          response: { 200: z.object({ items: z.array(componentSchema) }) },
        },
      },
      async () => ({ items: deps.components() }),
    );

    app.get(
      '/v1/components/:name/readiness',
      {
        schema: {
          operationId: 'componentReadiness',
          summary: 'is one component ready?',
          tags: ['health'],
          params: z.object({ name: z.string() }),
          response: { 200: readinessSchema, 404: problems, 503: readinessSchema },
        },
      },
      async ({ params }, reply) => {
        const component = deps.component(params.name);
        if (component === undefined) {
          const names = deps.components().map((one) => one.name);
          throw fail('not-found', `there is no component of this name; there are ${names.join(', ')}`, {
            fields: [{ field: 'name', message: 'no component of this name', allowed: names }],
          });
        }
        const ready = component.status !== 'fail';
        return reply.code(ready ? 200 : 503).send({ ...component, ready });
      },
    );

    const aliveSchema = z.object({ status: z.literal('pass') });
    app.get(
      '/livez',
      {
        schema: {
          operationId: 'livez',
          summary: 'the process answers',
          tags: ['health'],
          response: { 200: aliveSchema },
        },
      },
      async () => ({ status: 'pass' as const }),
    );
    app.get(
      '/readyz',
      {
        schema: {
          operationId: 'readyz',
          summary: 'the process serves requests and runs schedules',
          tags: ['health'],
          response: { 200: aliveSchema, 503: problems },
        },
      },
      async () => {
        const reason = deps.notReady();
        if (reason !== null) throw fail('not-ready', reason);
        return { status: 'pass' as const };
      },
    );
  };
}
