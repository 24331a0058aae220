import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { operationSchema } from '../../governance/schema.ts';
import type { ApiDeps } from '../deps.ts';
import { cutPage, pageOf, pageQuery, readCursor } from '../pagination.ts';
import { problemSchema, problemType } from '../problems.ts';

const problems = { description: 'a problem', content: { [problemType]: { schema: problemSchema } } };
const metrics = { description: 'text format of Prometheus', content: { 'text/plain': { schema: z.string() } } };

/** DS-3, the metrics, and the description of all of it. */
export function systemRoutes(deps: ApiDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/v1/operations',
      {
        schema: {
          operationId: 'operations',
          summary: 'privileged actions, newest first: who did what, and how it went',
          tags: ['operations'],
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(operationSchema), 400: problems },
        },
      },
      async ({ query: { limit, cursor } }) => cutPage(deps.operations(limit + 1, readCursor(cursor)), limit),
    );

    app.get(
      '/metrics',
      {
        schema: {
          operationId: 'metrics',
          summary: 'metrics for Prometheus',
          tags: ['metrics'],
          response: { 200: metrics },
        },
      },
      async (_request, reply) => {
        const { type, text } = await deps.metrics();
        return reply.type(type).send(text);
      },
    );

    app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
      reply.type('application/json').send(JSON.stringify(app.swagger())),
    );
  };
}
