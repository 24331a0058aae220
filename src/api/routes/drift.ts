import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { driftSchema } from '../../host/drift-report.ts';
import { fail } from '../../kernel/errors.ts';
import type { ApiDeps } from '../deps.ts';
import { problemSchema, problemType } from '../problems.ts';

const problems = { description: 'a problem', content: { [problemType]: { schema: problemSchema } } };

/** How the host compares with what its last provisioning run made. */
export function driftRoutes(deps: ApiDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/v1/drift',
      {
        schema: {
          operationId: 'drift',
          summary: 'what on the host is not as its last run made it: expected and found',
          tags: ['drift'],
          response: { 200: driftSchema, 404: problems },
        },
      },
      async () => {
        const drift = deps.drift();
        if (drift) return drift;
        throw fail('not-found', 'the platform file names no host, so that there is nothing to compare', {
          next: 'add a `host` section to the platform file, and run `socle up`',
        });
      },
    );
  };
}
