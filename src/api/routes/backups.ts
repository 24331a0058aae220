import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { backupSchema, backupStatus } from '../../backup/schema.ts';
import { fail } from '../../kernel/errors.ts';
import type { ApiDeps } from '../deps.ts';
import { cutPage, pageOf, pageQuery, readCursor } from '../pagination.ts';
import { invalid, problemSchema, problemType } from '../problems.ts';

const problems = { description: 'a problem', content: { [problemType]: { schema: problemSchema } } };

/** ES-3: the backups, newest first. */
export function backupRoutes(deps: ApiDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/v1/backups',
      {
        schema: {
          operationId: 'backups',
          summary: 'the backups, newest first',
          tags: ['backups'],
          querystring: z.strictObject({
            database: z.string().optional(),
            status: backupStatus.optional(),
            ...pageQuery,
          }),
          response: { 200: pageOf(backupSchema), 400: problems },
        },
      },
      async ({ query: { database, status, limit, cursor } }) => {
        const after = readCursor(cursor);
        requireDatabase(deps, database);
        const found = deps.backups.list({ database, status: status && [status], limit: limit + 1, after });
        return cutPage(found, limit);
      },
    );

    app.get(
      '/v1/backups/:id',
      {
        schema: {
          operationId: 'backup',
          summary: 'one backup',
          tags: ['backups'],
          params: z.object({ id: z.string() }),
          response: { 200: backupSchema, 404: problems },
        },
      },
      async ({ params }) => {
        const backup = deps.backups.get(params.id);
        if (backup === undefined) {
          throw fail('not-found', 'there is no backup of this id', { next: 'take an id from /v1/backups' });
        }
        return backup;
      },
    );
  };
}

/** A name that is neither in the platform file nor in the catalog is a mistake, and not an empty list. */
export function requireDatabase(deps: ApiDeps, database: string | undefined): void {
  if (database === undefined || deps.databases.includes(database)) return;
  if (deps.backups.list({ database, limit: 1 }).length > 0) return;
  throw invalid([{ field: 'database', message: 'there is no such database', allowed: [...deps.databases] }]);
}
