import { createLog } from '../kernel/log.ts';
import type { Status } from '../observability/schema.ts';
import { buildApi } from './app.ts';

/** The OpenAPI document of the API. Nothing is opened for it: `docs/openapi.json` is this. */
export async function openApiDocument(): Promise<object> {
  const never = (): never => {
    throw new Error('the description of the API answers no requests');
  };
  const app = await buildApi({
    host: 'localhost',
    log: createLog('silent'),
    databases: [],
    components: never,
    component: never,
    status: never as () => Status,
    backups: { list: never, get: never },
    drills: { summaries: never, get: never, latest: never },
    drift: never,
    operations: never,
    metrics: never,
    notReady: never,
  });
  try {
    return app.swagger();
  } finally {
    await app.close();
  }
}
