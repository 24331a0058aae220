import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { renderReportHtml } from '../../drill/report-html.ts';
import { type DrillReport, drillReportSchema, verdictSchema } from '../../drill/schema.ts';
import { drillSummarySchema } from '../../drill/summary.ts';
import { fail } from '../../kernel/errors.ts';
import { prefersHtml } from '../accept.ts';
import type { ApiDeps } from '../deps.ts';
import { cutPage, pageOf, pageQuery, readCursor } from '../pagination.ts';
import { problemSchema, problemType } from '../problems.ts';
import { requireDatabase } from './backups.ts';

const problems = { description: 'a problem', content: { [problemType]: { schema: problemSchema } } };
const report = {
  description: 'the report, as JSON or as a page',
  content: { 'application/json': { schema: drillReportSchema }, 'text/html': { schema: z.string() } },
};
const page = { description: 'the report as a page', content: { 'text/html': { schema: z.string() } } };
const idOf = z.object({ id: z.string() });

function sendPage(reply: FastifyReply, found: DrillReport): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
    .send(renderReportHtml(found));
}

/** ES-4: the drills, newest first, and their reports. */
export function drillRoutes(deps: ApiDeps): FastifyPluginAsyncZod {
  const find = (id: string): DrillReport => {
    const found = deps.drills.get(id);
    if (found) return found;
    throw fail('not-found', 'there is no drill of this id', { next: 'take an id from /v1/drills' });
  };
  return async (app) => {
    app.get(
      '/v1/drills',
      {
        schema: {
          operationId: 'drills',
          summary: 'the drills, newest first, without their proofs',
          tags: ['drills'],
          querystring: z.strictObject({
            database: z.string().optional(),
            verdict: verdictSchema.optional(),
            ...pageQuery,
          }),
          response: { 200: pageOf(drillSummarySchema), 400: problems },
        },
      },
      async ({ query: { database, verdict, limit, cursor } }) => {
        const after = readCursor(cursor);
        requireDatabase(deps, database);
        const found = deps.drills.summaries({ database, verdicts: verdict && [verdict], limit: limit + 1, after });
        return cutPage(found, limit);
      },
    );

    app.get(
      '/v1/drills/latest',
      {
        schema: {
          operationId: 'latestDrill',
          summary: 'the newest drill, with its proof',
          tags: ['drills'],
          querystring: z.strictObject({ database: z.string().optional() }),
          response: { 200: report, 400: problems, 404: problems },
        },
      },
      async ({ query: { database }, headers }, reply) => {
        requireDatabase(deps, database);
        const found = deps.drills.latest(database);
        if (found === undefined) {
          throw fail('not-found', 'there has been no drill yet', { next: 'run `socle drill run`' });
        }
        reply.header('vary', 'accept');
        return prefersHtml(headers.accept) ? sendPage(reply, found) : found;
      },
    );

    app.get(
      '/v1/drills/:id',
      {
        schema: {
          operationId: 'drill',
          summary: 'one drill with its proof: JSON, or a page with Accept: text/html',
          tags: ['drills'],
          params: idOf,
          response: { 200: report, 404: problems },
        },
      },
      async ({ params, headers }, reply) => {
        const found = find(params.id);
        reply.header('vary', 'accept');
        return prefersHtml(headers.accept) ? sendPage(reply, found) : found;
      },
    );

    app.get(
      '/v1/drills/:id/report.html',
      {
        schema: {
          operationId: 'drillReport',
          summary: 'the report of one drill as a page',
          tags: ['drills'],
          params: idOf,
          response: { 200: page, 404: problems },
        },
      },
      async ({ params }, reply) => sendPage(reply, find(params.id)),
    );
  };
}
