import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { asSocleError, fail, SocleError } from '../kernel/errors.ts';

/** One field of a request that is not valid. */
const invalidFieldSchema = z.object({
  field: z.string().describe('where it is: `limit`, or empty for the request as a whole'),
  message: z.string(),
  allowed: z.array(z.union([z.string(), z.number()])).optional(),
});
export type InvalidField = z.infer<typeof invalidFieldSchema>;

/** RFC 9457, with the members of Socle's one table of failures. */
export const problemSchema = z.object({
  type: z.string().describe('a URN that names the kind of failure'),
  title: z.string(),
  status: z.number(),
  detail: z.string().describe('what happened this time'),
  instance: z.string().describe('path of the request'),
  code: z.string().describe('stable code of the failure'),
  category: z.enum([
    'validation',
    'authorization',
    'unavailable',
    'timeout',
    'dependency',
    'conflict',
    'proof',
    'internal',
  ]),
  retryable: z.boolean(),
  next: z.string().describe('what to do next'),
  correlationId: z.string().describe('also in the header X-Request-Id, and in the log'),
  errors: z.array(invalidFieldSchema).optional().describe('the fields that are not valid'),
});
export type Problem = z.infer<typeof problemSchema>;

export const problemType = 'application/problem+json';

const advice: Readonly<Record<string, string>> = {
  usage: 'correct the fields named; /openapi.json describes every request',
  'not-found': 'see /openapi.json for the paths, and the lists under /v1 for the ids',
};

/** A request that is not valid, field by field. */
export function invalid(fields: readonly InvalidField[]): SocleError {
  const text = fields.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; ');
  return fail('usage', text, { fields });
}

function fieldsOf(error: FastifyError): InvalidField[] {
  return (error.validation ?? []).map(({ instancePath, message, params, keyword }) => {
    const field = instancePath.replace(/^\//, '').replaceAll('/', '.');
    const { values, keys } = params as { values?: Array<string | number>; keys?: string[] };
    if (keyword === 'unrecognized_keys' && keys)
      return { field: keys.join(', '), message: 'there is no such parameter' };
    return { field, message: message ?? 'not valid', ...(values ? { allowed: values } : {}) };
  });
}

/** Any error as one of the table. What is not ours keeps its words to the log: they may hold anything. */
export function toSocleError(error: unknown): SocleError {
  if (error instanceof SocleError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return invalid(fieldsOf(error as unknown as FastifyError));
  const status = (error as Partial<FastifyError>).statusCode ?? 500;
  if (status === 413) return fail('request-too-large', 'the request has a body', {}, error);
  if (status >= 400 && status < 500) return fail('usage', 'the request could not be read', {}, error);
  const known = asSocleError(error);
  return fail(known.code, 'the request could not be answered: the log has the reason', {}, error);
}

export function problemOf(error: SocleError, request: { id: string; path: string }): Problem {
  const { failure, code, message, details } = error;
  const next = typeof details.next === 'string' ? details.next : (advice[code] ?? failure.next);
  return {
    type: `urn:socle:problem:${code}`,
    title: failure.title,
    status: failure.status,
    detail: message,
    instance: request.path,
    code,
    category: failure.category,
    retryable: failure.retryable,
    next,
    correlationId: request.id,
    ...(Array.isArray(details.fields) ? { errors: details.fields as InvalidField[] } : {}),
  };
}

/** The path without its query, which may hold what is nobody's business. */
export const pathOf = (url: string) => url.split('?', 1)[0] ?? '/';

/** Answers with a problem document; the one place that does. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = toSocleError(error);
  const problem = problemOf(known, { id: request.id, path: pathOf(request.url) });
  if (problem.status >= 500)
    request.log.error({ correlationId: request.id, path: problem.instance, err: error }, known.message);
  if (problem.status === 405) reply.header('allow', 'GET, HEAD');
  return reply.code(problem.status).type(problemType).serializer(JSON.stringify).send(problem);
}
