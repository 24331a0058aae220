import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { fail } from '../kernel/errors.ts';

const loopbackName = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Is this Host header a name of loopback, or our own address? Any other is a page that rebinds its name to us. */
export const isOwnHost = (host: string | undefined, own: string) =>
  host !== undefined && (loopbackName.test(host) || host.replace(/:\d{1,5}$/, '') === own);

/** Is this address to listen on reachable from this machine alone? */
export const isLoopbackAddress = (host: string) => /^(localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(host);

/** The correlation id: the caller's `X-Request-Id`, the trace id of a `traceparent` (W3C Trace Context), or a new one. */
export function correlationId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  if (typeof given === 'string' && /^[A-Za-z0-9._-]{8,128}$/.test(given)) return given;
  const trace = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(String(headers.traceparent ?? ''))?.[1];
  return trace !== undefined && !/^0+$/.test(trace) ? trace : randomUUID();
}

/** Headers of every answer. The page of a drill report sets a policy of its own. */
export function commonHeaders(reply: FastifyReply, id: string): void {
  reply.headers({
    'x-request-id': id,
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
}

/** Before anything else is looked at: who is asked for, and how. */
export function guard(app: FastifyInstance, own: string): void {
  app.addHook('onRequest', async (request, reply) => {
    commonHeaders(reply, request.id);
    if (!isOwnHost(request.headers.host, own)) {
      throw fail('host-not-allowed', 'the Host header is neither a name of the loopback interface nor our address');
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw fail('method-not-allowed', `${request.method} is not answered here`);
    }
  });
}
