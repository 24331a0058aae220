import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { fail } from '../kernel/errors.ts';
import type { ApiDeps } from './deps.ts';
import { commonHeaders, correlationId, guard } from './guards.ts';
import { openApi } from './openapi.ts';
import { pathOf, problemOf, problemType, sendProblem, toSocleError } from './problems.ts';
import { backupRoutes } from './routes/backups.ts';
import { driftRoutes } from './routes/drift.ts';
import { drillRoutes } from './routes/drills.ts';
import { healthRoutes } from './routes/health.ts';
import { systemRoutes } from './routes/system.ts';

/**
 * The API: GET only, for loopback and the VPN only. Handlers read what the daemon already knows, so that no answer waits for a
 * database, a vault or a disk of somebody else's.
 */
export async function buildApi(deps: ApiDeps): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: correlationId,
    requestIdHeader: false,
    bodyLimit: 1_024,
    requestTimeout: 10_000,
    connectionTimeout: 15_000,
    keepAliveTimeout: 5_000,
    forceCloseConnections: true,
    http: { maxHeaderSize: 8_192 },
    frameworkErrors: (error, request, reply) => {
      commonHeaders(reply, request.id);
      sendProblem(error, request, reply);
    },
    clientErrorHandler(error, socket) {
      // Not even a request: the connection is answered by hand.
      if (error.code === 'ECONNRESET' || !socket.writable) return;
      const body = JSON.stringify(
        problemOf(toSocleError({ statusCode: 400 }), { id: correlationId({ headers: {} }), path: '' }),
      );
      const head = ['HTTP/1.1 400 Bad Request', `Content-Type: ${problemType}`, 'Connection: close'];
      socket.end([...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(fail('not-found', `there is nothing at ${pathOf(request.url)}`), request, reply),
  );
  guard(app as unknown as FastifyInstance, deps.host);
  await app.register(swagger, openApi());
  await app.register(healthRoutes(deps));
  await app.register(backupRoutes(deps));
  await app.register(drillRoutes(deps));
  await app.register(driftRoutes(deps));
  await app.register(systemRoutes(deps));
  await app.ready();
  return app as unknown as FastifyInstance;
}
